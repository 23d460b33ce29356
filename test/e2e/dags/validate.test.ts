import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { definitionsFault } from "../../../src/dags/validate.ts";
import type { Progress } from "../../../src/domain/context.ts";
import type { Sha } from "../../../src/domain/identifiers.ts";
import { machinePython } from "../../local-aws/backing/machine-python.ts";
import { installedPackages } from "../../local-aws/backing/python-packages.ts";
import { shopFiles } from "./dagster.ts";

/** The definitions of a folder, as the Dagster of the job loads them. */
let root: string;
const before = { ...process.env };
const said: Progress[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "validate-"));
  const python = await machinePython();
  const lockFile = fileURLToPath(new URL("../../fixtures/python/dagster.txt", import.meta.url));
  const packages = await installedPackages(python, lockFile, { compile: true });
  await mkdir(join(root, "bin"));
  await symlink(python.executable, join(root, "bin", "python3"));
  Object.assign(process.env, {
    PATH: `${join(root, "bin")}:${before["PATH"] ?? ""}`,
    PYTHONPATH: packages,
    AWS_SECRET_ACCESS_KEY: "correct-horse-9",
  });
});
afterAll(async () => {
  for (const name of ["PATH", "PYTHONPATH", "AWS_SECRET_ACCESS_KEY"]) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
  await rm(root, { recursive: true });
});

async function fault(files: Readonly<Record<string, string>>) {
  await mkdir(join(root, "dags"), { recursive: true });
  for (const [path, text] of Object.entries({ ...shopFiles("one"), ...files }))
    await writeFile(join(root, "dags", path), text);
  const context = {
    clock: { now: () => Date.now(), sleep: () => Promise.resolve() },
    signal: new AbortController().signal,
    report: (event: Progress) => void said.push(event),
  };
  return definitionsFault(context, {
    location: "shop",
    root,
    directory: "dags",
    place: "input directory",
    lock: null,
    validate: { module: "shop", isRequired: true },
    source: { repository: "owner/shop", sha: "a".repeat(40) as Sha },
    run: null,
  });
}

const words = (): string =>
  said.flatMap((event) => (event.kind === "foreign" ? [event.text.untrusted] : [])).join("\n");

test("good ones load, broken ones are told in Dagster's words, and no credentials are given to them", async () => {
  expect(await fault({})).toBeNull();
  expect(await fault({ "version.py": "from nothing_of_that_name import VERSION\n" })).toEqual({ exitCode: 1 });
  expect(words()).toContain("nothing_of_that_name");
  const asks = 'import os\nVERSION = "one"\nassert "AWS_SECRET_ACCESS_KEY" not in os.environ\n';
  expect(await fault({ "version.py": asks })).toBeNull();
}, 300_000);
