import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import * as z from "zod";
import { cacheFolder } from "../../cache-folder.ts";
import { type GitCheckout, newCheckout } from "../../checkout.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { servicesByKey } from "../../releases/played/services.ts";
import { shareDependencies } from "../../releases/dagster/share-dependencies.ts";
import { runStep, type StepResult } from "../../runner/run-step.ts";
import { readPastClient } from "../../unit/local-aws/stage.ts";
import { until } from "./stack.ts";

// examples/dynamic-dags, released by the root action: code from S3, no code server, runs that live in the daemon, a Dagster that is real.

const root = join(import.meta.dirname, "../../..");
const code = "dags/dagster_code/__init__.py";

let bed: Bed;
let keepDependencies: () => Promise<void>;
let checkout: GitCheckout;
let other: GitCheckout;
let webserver: string;
let bucketName: string;
let first: StepResult;
let runId = 0;

beforeAll(async () => {
  bed = await startBed({ speed: 50, region: "ap-southeast-2" });
  const { contract, base } = await playInfrastructure(bed, {
    stack: "dynamic-dags",
    repositories: ["dagster-ecs"],
    services: { daemon: { kind: "daemon" }, webserver: { kind: "webserver", port: 3000 } },
  });
  keepDependencies = await shareDependencies(bed, base, ["dagster-ecs"]);
  webserver = contract.services["webserver"]?.url ?? "";
  bucketName = contract.bucket.name;
  checkout = await newCheckout({});
  cpSync(join(root, "examples/dynamic-dags"), checkout.folder, { recursive: true });
  cpSync(join(root, "docker/dag-reader/dag_reader"), join(checkout.folder, "dag_reader"), { recursive: true });
  checkout.commit("Dynamic DAGs");
  other = await newCheckout({
    "defs.py": "import dagster as dg\n\n\n@dg.asset\ndef theirs(): ...\n\n\ndefs = dg.Definitions([theirs])\n",
  });
  await mkdir(join(bed.folder, "runner"));
}, 600_000);

afterAll(async () => {
  await keepDependencies();
  await bed.close();
  await checkout.remove();
  await other.remove();
});

test("is not released before the other repository has published its location: nothing would start", async () => {
  const { exitCode, annotations } = await release({});
  expect(exitCode).toBe(1);
  expect(annotations.map(({ message }) => message).join("\n")).toContain(
    "Nothing was published of location my-pipeline yet",
  );
});

test("is released whole, each location on the version that its pointer names", async () => {
  const published = await step("actions/sync-dags", other, {
    location: "my-pipeline",
    bucket: bucketName,
    prefix: "dags/my-pipeline/",
    directory: ".",
  });
  expect(problemsOf(published)).toEqual([]);
  first = await release({});
  expect(problemsOf(first)).toEqual([]);
  expect(await loaded()).toEqual({
    dagster_code: await versionOf("main"),
    "my-pipeline": await versionOf("my-pipeline"),
  });
  expect(await run("speak")).toBe("SUCCESS");
}, 900_000);

test("a plan of the same commit has nothing to do", async () => {
  const { exitCode, outputs } = await release({ command: "plan" });
  expect([exitCode, outputs["changed"]]).toEqual([0, "false"]);
}, 300_000);

test("a third location comes, runs and goes, while the tasks of webserver and daemon stay", async () => {
  const [before, writes] = [await tasksOf(), ecsWrites()];
  const former = readFileSync(join(checkout.folder, "dagster-stack.yml"), "utf8");
  const stackFile = former
    .replaceAll("locations: [dagster_code, my-pipeline]", "locations: [dagster_code, my-pipeline, third]")
    .replace(
      "  my-pipeline: # released",
      "  third: { directory: third, module: third_code }\n  my-pipeline: # released",
    );
  await checkout.write("dagster-stack.yml", stackFile);
  await checkout.write(
    "third/third_code.py",
    "import dagster as dg\n\n\n@dg.op\ndef say(): ...\n\n\n@dg.job\ndef third_job():\n    say()\n\n\ndefs = dg.Definitions(jobs=[third_job])\n",
  );
  checkout.commit("A third location");
  expect(problemsOf(await release({}))).toEqual([]);
  expect((await loaded())["third"]).toBe(await versionOf("third"));
  // The daemon reads its workspace file once a minute.
  await sleep(70_000);
  expect(await run("third_job", "third")).toBe("SUCCESS");
  expect([await tasksOf(), ecsWrites()]).toEqual([before, writes]);
  await checkout.write("dagster-stack.yml", former);
  checkout.commit("Two locations");
  expect(problemsOf(await release({ "allow-state-loss": "true" }))).toEqual([]);
  await until(loaded, (all) => !("third" in all));
  expect([Object.keys(await loaded()).sort(), await tasksOf(), ecsWrites()]).toEqual([
    ["dagster_code", "my-pipeline"],
    before,
    writes,
  ]);
}, 900_000);

test("new DAGs are served without an image, a definition or a service that moves, and runs start on them", async () => {
  const before = await definitionsOf();
  const writes = ecsWrites();
  edit((text) =>
    text
      .replace("def speak():", "def shout():")
      .replace("jobs=[speak]", "jobs=[shout]")
      .replace("job=speak", "job=shout"),
  );
  const changed = await release({ "allow-state-loss": "true" });
  expect(problemsOf(changed)).toEqual([]);
  expect(await definitionsOf()).toEqual(before);
  expect(ecsWrites()).toBe(writes);
  expect((await loaded())["dagster_code"]).toBe(await versionOf("main"));
  expect(await run("shout")).toBe("SUCCESS");
}, 900_000);

test("DAGs that cannot be imported are taken back, and what was served before is served", async () => {
  const version = await versionOf("main");
  edit((text) => text.replace("import dagster as dg", "import dagster as dg\nimport nothing_of_that_name"));
  const { exitCode, log, annotations } = await release({});
  expect(exitCode).toBe(1);
  const told = [...log, ...annotations.map(({ message }) => message)].join("\n");
  expect(told).toContain("nothing_of_that_name");
  expect(told).toContain("Readers of dagster_code were taken back");
  expect(await versionOf("main")).toBe(version);
  await until(loaded, (all) => all["dagster_code"] === version);
}, 900_000);

test("a rollback switches back to the version of the first release, and the other repository's stays", async () => {
  const [theirs, writes] = [await versionOf("my-pipeline"), ecsWrites()];
  const back = await release({ command: "rollback", to: "previous", "allow-state-loss": "true" });
  expect(problemsOf(back)).toEqual([]);
  expect(ecsWrites()).toBe(writes);
  expect(await loaded()).toEqual({ dagster_code: await versionOf("main"), "my-pipeline": theirs });
  expect(await run("speak")).toBe("SUCCESS");
}, 900_000);

function edit(change: (text: string) => string): void {
  const file = join(checkout.folder, code);
  writeFileSync(file, change(readFileSync(file, "utf8")));
  checkout.commit("Other DAGs");
}

const release = (inputs: Readonly<Record<string, string>>): Promise<StepResult> =>
  step(".", checkout, { environment: "local", ...inputs });

function step(action: string, at: GitCheckout, inputs: Readonly<Record<string, string>>): Promise<StepResult> {
  runId += 1;
  const environment = {
    ...bed.environment("deploy"),
    ...bed.mark,
    LOCAL_PLATFORM: process.arch === "arm64" ? "linux/arm64" : "linux/amd64",
    PIP_CACHE_DIR: cacheFolder("pip"),
  };
  const repository = at === other ? "user/repo" : "example/dynamic-dags";
  const job = { workspace: at.folder, repository, runId, environment, folder: join(bed.folder, "runner") };
  return runStep(job, { action, with: inputs });
}

function problemsOf({ exitCode, log, annotations }: StepResult): readonly string[] {
  return exitCode === 0 ? [] : [...log.slice(-80), ...annotations.map(({ message }) => message)];
}

/** Calls of the deployer that change services or definitions. */
function ecsWrites(): number {
  return bed.aws.calls.filter(
    ({ operation, caller }) => caller === "deploy" && /^(Update|Register|Run)/.test(operation),
  ).length;
}

async function definitionsOf(): Promise<Readonly<Record<string, string>>> {
  const services = await servicesByKey(bed.aws, "dynamic-dags");
  return Object.fromEntries(services.map(([key, { taskDefinition = "" }]) => [key, taskDefinition]));
}

/** Tasks that run, by the key of their service. */
async function tasksOf(): Promise<Readonly<Record<string, readonly string[]>>> {
  const services = await servicesByKey(bed.aws, "dynamic-dags");
  const found = services.map(async ([key, { serviceName = "" }]) => {
    const { taskArns = [] } = (await readPastClient(bed.aws, "ListTasks", {
      cluster: "dynamic-dags",
      serviceName,
    })) as { readonly taskArns?: readonly string[] };
    return [key, taskArns] as const;
  });
  return Object.fromEntries(await Promise.all(found));
}

/** The version that readers of a prefix are to have. */
async function versionOf(prefix: string): Promise<string> {
  const credentials = { accessKeyId: "onlooker", secretAccessKey: "secret" };
  const s3 = new S3Client({ endpoint: bed.url, region: bed.region, credentials, forcePathStyle: true });
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucketName, Key: `dags/${prefix}/current.json` }));
  return z.object({ version: z.string() }).parse(JSON.parse((await Body?.transformToString()) ?? "{}")).version;
}

const locationsSchema = z.object({
  workspaceOrError: z.object({
    locationEntries: z.array(
      z.object({ name: z.string(), displayMetadata: z.array(z.object({ key: z.string(), value: z.string() })) }),
    ),
  }),
});

/** The version of each location that the webserver has loaded. */
async function loaded(): Promise<Readonly<Record<string, string | undefined>>> {
  const query = "{ workspaceOrError { ... on Workspace { locationEntries { name displayMetadata { key value } } } } }";
  const { workspaceOrError } = locationsSchema.parse(await ask(query));
  return Object.fromEntries(
    workspaceOrError.locationEntries.map(({ name, displayMetadata }) => {
      const folder = displayMetadata.find(({ key }) => key === "working_directory")?.value ?? "";
      return [name, /versions\/([0-9a-f]{40})/.exec(folder)?.[1]];
    }),
  );
}

/** Launches a job, and waits until its run is over. @returns its status */
async function run(job: string, location = "dagster_code"): Promise<string> {
  const selector = `{ repositoryLocationName: "${location}", repositoryName: "__repository__", pipelineName: "${job}" }`;
  const launched = z
    .object({ launchRun: z.object({ run: z.object({ runId: z.string() }) }) })
    .parse(
      await ask(
        `mutation { launchRun(executionParams: { selector: ${selector}, runConfigData: "{}" }) { ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }`,
      ),
    );
  const { runId: id } = launched.launchRun.run;
  const statusSchema = z.object({ runOrError: z.object({ status: z.string() }) });
  const ended = await until(
    async () => statusSchema.parse(await ask(`{ runOrError(runId: "${id}") { ... on Run { status } } }`)),
    ({ runOrError: { status } }) => ["SUCCESS", "FAILURE", "CANCELED"].includes(status),
    300,
  );
  return ended.runOrError.status;
}

async function ask(query: string): Promise<unknown> {
  const response = await fetch(`${webserver}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
    signal: AbortSignal.timeout(60_000),
  });
  return z.object({ data: z.unknown() }).parse(await response.json()).data;
}
