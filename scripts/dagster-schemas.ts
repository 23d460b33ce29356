/**
 * The GraphQL schemas that the gates' documents are held against: `node scripts/dagster-schemas.ts [version…]`. Installs each version
 * of dagster-graphql from PyPI into a folder of its own, prints its schema, and keeps of it what documents touch. Without a version
 * it makes all of them, which takes some minutes.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { documents } from "../src/dagster/documents.ts";
import { machinePython } from "../test/local-aws/backing/machine-python.ts";
import { reduced } from "./dagster-schemas/reduce.ts";

/**
 * The first release of each minor version of which something is asked, and the last one there was. Patches lie between them. Older
 * ones than 1.7 want packages that have no wheels for today's Python.
 */
export const versions: readonly string[] = [
  ["1.7.0", "1.7.16"],
  ["1.8.0", "1.8.13"],
  ["1.9.0", "1.9.13"],
  ["1.10.0", "1.10.21"],
  ["1.11.0", "1.11.16"],
  ["1.12.0", "1.12.22"],
  ["1.13.0", "1.13.29"],
].flat();

/** Kept as well: gates are about them, whatever is asked of them yet. */
const more: readonly string[] = [
  "Schedule",
  "ScheduleMutationResult",
  "ScheduleStateResult",
  "ScheduleNotFoundError",
  "Sensor",
  "SensorOrError",
  "SensorNotFoundError",
  "StopSensorMutationResult",
  "StopSensorMutationResultOrError",
  "InstigationState",
  "InstigationTick",
  "Permission",
];

const run = promisify(execFile);

const printing = `from dagster_graphql.schema import create_schema
from graphql import print_schema
print(print_schema(create_schema().graphql_schema))`;

/** The whole schema of one version, as graphql-core prints it. */
async function schemaOf(version: string): Promise<string> {
  const { executable } = await machinePython();
  const folder = await mkdtemp(join(tmpdir(), `dagster-graphql-${version}-`));
  const options = ["--quiet", "--disable-pip-version-check", "--no-compile", "--only-binary=:all:", "--target", folder];
  try {
    await run(executable, ["-m", "pip", "install", ...options, `dagster-graphql==${version}`]);
    const env = { PATH: process.env["PATH"], PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: "1", PYTHONNOUSERSITE: "1" };
    const { stdout } = await run(executable, ["-W", "ignore", "-c", printing], { env, maxBuffer: 16_000_000 });
    return stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const asked = process.argv.slice(2);
  const texts = documents.map(({ text }) => text);
  for (const version of asked.length === 0 ? versions : asked) {
    const path = `test/fixtures/dagster/schemas/${version}.graphql`;
    const head = `# GraphQL schema of Dagster ${version} (dagster-io/dagster, Apache-2.0), as far as gates ask for it. Made by scripts/dagster-schemas.ts.\n`;
    await writeFile(path, head + reduced(await schemaOf(version), texts, more));
    console.log(`${path} written`);
  }
}
