import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { askDagster } from "../../../src/adopt/ask-dagster.ts";
import { readCheckout } from "../../../src/adopt/read-checkout.ts";
import type { Dagster } from "../../../src/dagster/client.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "adopted-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function read(files: Readonly<Record<string, string>>): ReturnType<typeof readCheckout> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return readCheckout(root);
}
const serversIn = async (entries: string): Promise<unknown> =>
  (await read({ "workspace.yaml": `load_from:\n${entries}` })).workspace?.locations;

test("Host and port that stand in the workspace file are taken as they are", async () => {
  expect(await serversIn("  - grpc_server: { host: code.local, port: 4000 }\n")).toEqual([
    { name: "grpc:code.local:4000", server: { host: "code.local", port: 4000 } },
  ]);
  expect(await serversIn("  - grpc_server: { port: 4000, location_name: deals }\n")).toEqual([
    { name: "deals", server: { host: "localhost", port: 4000 } },
  ]);
});

test("Host and port that only a variable tells are not known, nor is a name that is made of them", async () => {
  expect(
    await serversIn("  - grpc_server: { host: { env: HOST }, port: { env: PORT }, location_name: deals }\n"),
  ).toEqual([{ name: "deals", server: { host: null, port: null } }]);
  expect(await serversIn("  - grpc_server: { host: { env: HOST }, port: 4000 }\n")).toEqual([
    { name: null, server: { host: null, port: 4000 } },
  ]);
  expect(await serversIn("  - grpc_server: { host: code.local, socket: /run/code }\n")).toEqual([
    { name: null, server: { host: "code.local", port: null } },
  ]);
});

test("A Dockerfile is a Dockerfile, and what docker ignores is none", async () => {
  const files = ["Dockerfile", "Dockerfile.dev", "DockerfileCode", "code.Dockerfile"];
  const others = [
    "Dockerfile.dockerignore",
    "Dockerfile.dev.dockerignore",
    "code.Dockerfile.dockerignore",
    "aDockerfile",
  ];
  const { dockerfiles } = await read(Object.fromEntries([...files, ...others].map((path) => [path, ""])));
  expect(dockerfiles.toSorted()).toEqual(files.toSorted());
});

test.each([
  ["4000", 4000],
  [null, null],
  ["", null],
  ["none", null],
])("A port that Dagster tells as %j is %j", async (value, port) => {
  const displayMetadata = [{ key: "host", value: "code.local" }, ...(value === null ? [] : [{ key: "port", value }])];
  const dagster = {
    serverInfo: () => Promise.resolve({}),
    ask: () => Promise.resolve({ workspaceOrError: { locationEntries: [{ name: "deals", displayMetadata }] } }),
  } as unknown as Dagster;
  const { locations } = await askDagster(dagster);
  expect(locations).toEqual([{ name: "deals", server: { host: "code.local", port } }]);
});
