/** An AWS on this machine with what the services of a stack file need: `npm run local-aws -- --stack FILE`. */
import { mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../../src/domain/errors.ts";
import { type Bed, startBed } from "../../test/local-aws/bed.ts";
import { playInfrastructure } from "../../test/local-aws/infrastructure/play.ts";
import { cacheFolder } from "../../test/cache-folder.ts";
import { runStep } from "../../test/runner/run-step.ts";
import { ownOptions } from "../options.ts";
import { readOptions } from "./options.ts";
import { readSecrets, type StackSpec, specOf, withDatabase } from "./spec.ts";

const options = ownOptions(readOptions);

const file = resolve(options.from, options.stack);
const spec = readSpec(file, options.environment);
console.log("Starting an AWS on this machine …");
const bed = await startBed({ region: spec.region, speed: options.speed });
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => void bed.close());
const { host, port, user } = bed.postgresql;
const applicationDatabase = `${spec.stack.replaceAll("-", "_")}_application`;
await bed.postgresql.createDatabase(applicationDatabase);
const databaseUrl = `postgresql+psycopg2://${user}@${host}:${port}/${applicationDatabase}`;
const { contract, contractParameter } = await playInfrastructure(bed, {
  ...spec,
  secrets: withDatabase(spec.secrets, databaseUrl),
});
const platform = process.arch === "arm64" ? "linux/arm64" : "linux/amd64";
console.log(`Cluster ${contract.cluster} has the services of ${basename(file)}, environment ${spec.environment}; none runs yet.
Contract: ssm:${contractParameter}
Database for your own tables: ${databaseUrl}
Base image with this machine's Python, for layers without a way to a public registry: set \`layers.base\` to ${spec.stack}/base:python, and \`platform\` to ${platform}
Webserver, once it runs: ${Object.values(contract.services).find(({ url }) => url !== undefined)?.url ?? "there is none"}
`);
const exported = { ...bed.environment("deploy"), LOCAL_PLATFORM: platform };
for (const [name, value] of Object.entries(exported)) console.log(`export ${name}=${value}`);
const exitCode = options.command === null ? 0 : await run(bed, options.command);
if (options.exit) {
  await bed.close();
  process.exit(exitCode);
}
console.log("\nIt stays up until Ctrl-C.");
await bed.closed;
process.exit(0);

function readSpec(path: string, environment: string | null): StackSpec {
  try {
    const given = options.secrets === null ? "{}" : readFileSync(resolve(options.from, options.secrets), "utf8");
    return specOf(readFileSync(path, "utf8"), basename(path), environment, readSecrets(given));
  } catch (error) {
    console.error(error instanceof UserError || error instanceof Error ? error.message : error);
    process.exit(1);
  }
}

/** As a step of a job would: the committed bundle, on the checkout that holds the stack file. @returns how it ended */
async function run(on: Bed, command: string): Promise<number> {
  const runner = join(on.folder, "runner");
  mkdirSync(runner);
  const variables = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  const result = await runStep(
    {
      workspace: dirname(file),
      repository: `local/${spec.stack}`,
      runId: 1,
      folder: runner,
      environment: {
        LOCAL_PLATFORM: platform,
        ...variables,
        ...on.environment("deploy"),
        ...on.mark,
        PIP_CACHE_DIR: cacheFolder("pip"),
      },
    },
    { action: ".", with: { command, environment: spec.environment, stack: basename(file) } },
    (line) => console.log(`  │ ${line}`),
  );
  console.log(`\n${result.summary}\nThe action ended with exit code ${result.exitCode ?? "none: it was killed"}.`);
  return result.exitCode ?? 1;
}
