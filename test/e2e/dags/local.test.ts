import { execFile } from "node:child_process";
import { appendFile, cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect, promisify } from "node:util";
import { machinePython } from "../../local-aws/backing/machine-python.ts";
import { installedPackages } from "../../local-aws/backing/python-packages.ts";

/** The commands of docs/local.md, each up to the point where its Dagster would begin to serve. */
const root = join(import.meta.dirname, "../../..");
const run = promisify(execFile);

let folder: string;
let blocks: ReadonlyMap<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "local-"));
  await cp(join(root, "examples"), join(folder, "examples"), { recursive: true });
  const page = await readFile(join(root, "docs/local.md"), "utf8");
  const sections = page.matchAll(/^## `examples\/(?<name>[\w-]+)`\n[^#]*?```sh\n(?<commands>.*?)```/gms);
  blocks = new Map([...sections].map((match) => [match.groups?.["name"] ?? "", match.groups?.["commands"] ?? ""]));
});
afterAll(() => rm(folder, { recursive: true }));

/** What the commands of an example load, as Dagster says it; a broken load rejects. */
async function loaded(name: string): Promise<string> {
  const commands = blocks.get(name) ?? "";
  const locks = [...commands.matchAll(/^pip install .* -r (\S+)$/gm)].map(([, lock = ""]) => lock);
  const python = await machinePython();
  const packages = [];
  for (const lock of locks.toReversed())
    packages.push(await installedPackages(python, join(root, "examples", name, lock), { compile: true }));
  const script = commands.replace(/^pip install .*\n/gm, "").replace("dagster dev", "dagster definitions validate");
  expect(script).toContain("dagster definitions validate");
  const { stdout, stderr } = await run("bash", ["-ec", script], {
    cwd: folder,
    env: {
      PATH: [...packages.map((path) => join(path, "bin")), process.env["PATH"]].join(":"),
      PYTHONPATH: packages.join(":"),
      HOME: folder,
      DAGSTER_DISABLE_TELEMETRY: "1",
      DO_NOT_TRACK: "1",
    },
  });
  return stdout + stderr;
}

test.each(["asset-manager", "deal-flow", "data-platform", "dynamic-dags"])(
  "%s loads on a machine without Docker and AWS, by the commands of its section",
  async (name) => {
    expect(await loaded(name)).toContain("All code locations passed validation");
  },
  300_000,
);

test("code that does not load is told", async () => {
  await appendFile(
    join(folder, "examples/dynamic-dags/dags/dagster_code/__init__.py"),
    "import nothing_of_that_name\n",
  );
  const failed = loaded("dynamic-dags").catch((error: unknown) => error);
  // Dagster logs the error on one stream and its ending on the other.
  expect(inspect(await failed)).toContain("No module named 'nothing_of_that_name'");
}, 300_000);
