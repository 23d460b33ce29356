import { createServer } from "node:http";
import type { Context } from "../../../../src/domain/context.ts";
import type { ImageClients } from "../../../../src/images/clients.ts";
import { AccessRefused, adviseOn } from "../../../../src/images/refusal.ts";
import { resolveImages } from "../../../../src/images/docker/bases.ts";
import { type Listening, listen } from "../../../loopback.ts";

let status = 200;
let server: Listening;
let host: string;
beforeAll(async () => {
  server = await listen(
    createServer((_request, response) => {
      const digest = `sha256:${"d".repeat(64)}`;
      response.writeHead(status, status === 200 ? { "docker-content-digest": digest } : {}).end();
    }),
  );
  host = server.host;
});
afterAll(() => server.close());

const never = (): never => {
  throw new Error("the own registry is not asked");
};
const clients: ImageClients = {
  ecr: never,
  registry: { endpoint: "https://own", exchange: never, persist: never },
  scratch: "/nowhere",
  kept: "/nowhere",
  making: new Map(),
  bases: new Map(),
  prepared: new Map(),
};
const context: Context = {
  clock: { now: () => 0, sleep: async () => undefined },
  signal: new AbortController().signal,
  report: () => undefined,
};

function resolved(answer: number): Promise<readonly { readonly digest: string | null }[]> {
  status = answer;
  const image = { reference: `${host}/python:3.12`, use: "stage", line: 1, ownPlatform: false } as const;
  return resolveImages(clients, context, [image], "Dockerfile");
}

test("an image of a public registry is what its tag names now", async () => {
  expect(await resolved(200)).toMatchObject([{ digest: `sha256:${"d".repeat(64)}` }]);
});

test.each([401, 403])("one that nobody is let see, %d, is not known: docker may have a login", async (answer) => {
  expect(await resolved(answer)).toMatchObject([{ digest: null }]);
});

test("nor one of another account's ECR, whose word is about a role: nobody has asked as one", () => {
  const endpoint = "https://999988887777.dkr.ecr.eu-west-1.amazonaws.com";
  const refusal = adviseOn({ endpoint, method: "HEAD", path: "/v2/base/manifests/1", status: 401, code: "" });
  expect(refusal).toBeInstanceOf(AccessRefused);
});

test.each([418, 429, 503])("%d is no answer: the content would have another key each time", async (answer) => {
  await expect(resolved(answer)).rejects.toThrow(`gave ${answer}`);
});

test("nor is a registry that is out of reach", async () => {
  host = "127.0.0.1:1";
  await expect(resolved(200)).rejects.toThrow("no proper answer");
});
