import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { cacheFolder } from "../../cache-folder.ts";
import { type GitCheckout, newCheckout } from "../../checkout.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { servicesByKey } from "../../releases/played/services.ts";
import { shareDependencies } from "../../releases/dagster/share-dependencies.ts";
import { runStep, type StepResult } from "../../runner/run-step.ts";
import { until } from "./stack.ts";

// examples/data-platform, released by the root action: dbt over DuckDB on a file system, with a Dagster that is real.

const example = join(import.meta.dirname, "../../../examples/data-platform");
const definitions = "code/data-platform/core/orchestration/dagster/definitions.py";

let bed: Bed;
let keepDependencies: () => Promise<void>;
let checkout: GitCheckout;
let webserver: string;
let first: StepResult;
let runId = 0;

beforeAll(async () => {
  bed = await startBed({ speed: 50, region: "eu-west-1" });
  const { contract, base } = await playInfrastructure(bed, {
    stack: "data-platform",
    repositories: ["data-platform"],
    fileSystem: "fs-0123456789abcdef0",
    services: {
      "dagster-code": { kind: "code-location", port: 4000 },
      "dagster-daemon": { kind: "daemon" },
      "dagster-webserver": { kind: "webserver", port: 3001 },
    },
  });
  keepDependencies = await shareDependencies(bed, base, ["data-platform"]);
  webserver = contract.services["dagster-webserver"]?.url ?? "";
  checkout = await newCheckout({});
  cpSync(example, checkout.folder, { recursive: true });
  checkout.commit("Data platform");
  await mkdir(join(bed.folder, "runner"));
  first = await release();
}, 600_000);

afterAll(async () => {
  await keepDependencies();
  await bed.close();
  await checkout.remove();
});

test("is released whole, and its canary has built the first model", async () => {
  expect({ exitCode: first.exitCode, log: first.exitCode === 0 ? [] : first.log.slice(-80) }).toEqual({
    exitCode: 0,
    log: [],
  });
  expect(new URL(webserver).port).toBe("3001");
  expect(await runs()).toMatchObject([{ status: "SUCCESS" }]);
});

test("each run sees what those before it have written, and only one writes at a time", async () => {
  await Promise.all([launch(), launch()]);
  let most = 0;
  await until(
    runs,
    (all) => {
      most = Math.max(most, all.filter(({ status }) => writing.has(status)).length);
      return all.length === 3 && all.every(({ status }) => status === "SUCCESS" || status === "FAILURE");
    },
    280,
  );
  expect((await runs()).map(({ status }) => status)).toEqual(["SUCCESS", "SUCCESS", "SUCCESS"]);
  expect(most).toBe(1);
  expect(await builds()).toEqual([2, 3]);
}, 900_000);

test("a change of code moves the code, leaves the hosts alone, and keeps the tables", async () => {
  const before = await definitionsOf();
  const file = join(checkout.folder, definitions);
  writeFileSync(file, readFileSync(file, "utf8").replace("How often", "How many times"));
  checkout.commit("Say it otherwise");
  const { exitCode, log } = await release();
  expect({ exitCode, log: exitCode === 0 ? [] : log.slice(-80) }).toEqual({ exitCode: 0, log: [] });
  const after = await definitionsOf();
  expect(after["dagster-code"]).not.toBe(before["dagster-code"]);
  for (const host of ["dagster-daemon", "dagster-webserver"]) expect(after[host]).toBe(before[host]);
  await launch();
  await until(runs, (all) => all.length === 5 && all.every(({ status }) => status === "SUCCESS"), 180);
  expect(await builds()).toEqual([2, 3, 5]); // its canary was the fourth
}, 600_000);

function release(): Promise<StepResult> {
  runId += 1;
  const environment = {
    ...bed.environment("deploy"),
    ...bed.mark,
    LOCAL_PLATFORM: process.arch === "arm64" ? "linux/arm64" : "linux/amd64",
    PIP_CACHE_DIR: cacheFolder("pip"),
  };
  const job = {
    workspace: checkout.folder,
    repository: "example/data-platform",
    runId,
    environment,
    folder: join(bed.folder, "runner"),
  };
  return runStep(job, { action: ".", with: { environment: "local" } });
}

/** The revision that each service runs, by the service's key. */
async function definitionsOf(): Promise<Readonly<Record<string, string>>> {
  const services = await servicesByKey(bed.aws, "data-platform");
  return Object.fromEntries(services.map(([key, { taskDefinition = "" }]) => [key, taskDefinition]));
}

const writing: ReadonlySet<string> = new Set(["STARTING", "STARTED", "CANCELING"]);

async function launch(): Promise<void> {
  const selector = {
    repositoryLocationName: "data-platform",
    repositoryName: "__repository__",
    jobName: "refresh",
  };
  const mutation = `mutation ($params: ExecutionParams!) {
    launchRun(executionParams: $params) { __typename ... on PythonError { message } } }`;
  const answer = await ask(mutation, { params: { selector, mode: "default" } });
  expect(answer).toEqual({ launchRun: { __typename: "LaunchRunSuccess" } });
}

const runsSchema = z.object({ runsOrError: z.object({ results: z.array(z.object({ status: z.string() })) }) });

async function runs(): Promise<readonly { readonly status: string }[]> {
  return runsSchema.parse(await ask("{ runsOrError { ... on Runs { results { status } } } }")).runsOrError.results;
}

const buildsSchema = z.object({
  assetOrError: z.object({
    assetMaterializations: z.array(z.object({ metadataEntries: z.array(z.object({ intValue: z.int() })) })),
  }),
});

/** What the asset of that name has found, the oldest first. */
async function builds(): Promise<readonly number[]> {
  const query = `{ assetOrError(assetKey: { path: ["builds"] }) { ... on Asset {
    assetMaterializations { metadataEntries { ... on IntMetadataEntry { intValue } } } } } }`;
  const { assetOrError } = buildsSchema.parse(await ask(query));
  return assetOrError.assetMaterializations
    .flatMap(({ metadataEntries }) => metadataEntries.map(({ intValue }) => intValue))
    .reverse();
}

async function ask(query: string, variables: object = {}): Promise<unknown> {
  for (let tries = 0; ; tries += 1) {
    try {
      const response = await fetch(`${webserver}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query, variables }),
        signal: AbortSignal.timeout(10_000),
      });
      return z.object({ data: z.unknown() }).parse(await response.json()).data;
    } catch (error) {
      if (tries === 3) throw error;
      await sleep(1000);
    }
  }
}
