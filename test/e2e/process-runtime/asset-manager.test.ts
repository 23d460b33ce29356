import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { CloudWatchLogsClient, CreateLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import * as z from "zod";
import { cacheFolder } from "../../cache-folder.ts";
import { type GitCheckout, newCheckout } from "../../checkout.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { servicesByKey } from "../../releases/played/services.ts";
import { shareDependencies } from "../../releases/dagster/share-dependencies.ts";
import { runStep, type StepResult } from "../../runner/run-step.ts";

// examples/asset-manager, released by the root action: their own definition files, no code server, two webservers, a Dagster that is real.

const example = join(import.meta.dirname, "../../../examples/asset-manager");
const code = "asset_manager/definitions.py";
const artifacts = "asset-manager-artifacts";

let bed: Bed;
let keepDependencies: () => Promise<void>;
let checkout: GitCheckout;
let webserver: string;
let first: StepResult;
let s3: S3Client;
let runId = 0;

beforeAll(async () => {
  bed = await startBed({ speed: 50, region: "us-west-1" });
  await account();
  checkout = await newCheckout({});
  cpSync(example, checkout.folder, { recursive: true });
  checkout.commit("Asset manager");
  await mkdir(join(bed.folder, "runner"));
  first = await step({});
}, 600_000);

afterAll(async () => {
  await keepDependencies();
  await bed.close();
  await checkout.remove();
});

test("is released whole: two webservers and a daemon that load the code, a canary of the latest partition, its logs in the bucket", async () => {
  expect({ exitCode: first.exitCode, log: first.exitCode === 0 ? [] : told(first) }).toEqual({ exitCode: 0, log: [] });
  const services = Object.fromEntries(await servicesByKey(bed.aws, "asset-manager"));
  expect(services["web"]).toMatchObject({ runningCount: 2, desiredCount: 2 });
  expect(services["daemon"]).toMatchObject({
    runningCount: 1,
    deploymentConfiguration: { minimumHealthyPercent: 0, maximumPercent: 100 },
  });
  const [run] = await runs();
  expect(run).toMatchObject({ status: "SUCCESS" });
  expect(run?.tags).toContainEqual({
    key: "dagster/partition",
    value: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) as string,
  });
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: artifacts, Prefix: "compute-logs/" }));
  expect(Contents.length).toBeGreaterThan(0);
});

test("a plan of the same commit has nothing to do, and says what runs have cost lately", async () => {
  const { exitCode, outputs } = await step({ command: "plan", prices: '{"X86_64":{"vcpu":0.05,"gb":0.005}}' });
  expect([exitCode, outputs["changed"]]).toEqual([0, "false"]);
  expect(JSON.parse(outputs["price"] ?? "")).toMatchObject({
    runs: { runs: 1, runsAMonth: 1, after: expect.any(Number) as number },
  });
});

test("a change of code rolls webserver and daemon, since both load it, and a rollback brings the former back", async () => {
  const before = await definitionsOf();
  const file = join(checkout.folder, code);
  writeFileSync(file, readFileSync(file, "utf8").replace("every day was read", "nothing is missing"));
  checkout.commit("Say it otherwise");
  const changed = await step({});
  expect({ exitCode: changed.exitCode, log: changed.exitCode === 0 ? [] : told(changed) }).toEqual({
    exitCode: 0,
    log: [],
  });
  const after = await definitionsOf();
  for (const key of ["web", "daemon"]) expect(after[key]).not.toBe(before[key]);
  const back = await step({ command: "rollback", to: "previous" });
  expect({ exitCode: back.exitCode, log: back.exitCode === 0 ? [] : told(back) }).toEqual({ exitCode: 0, log: [] });
  expect(await definitionsOf()).toEqual(before);
}, 900_000);

/** What they have: cluster, services, log groups, bucket, parameters; a contract without a database, which is not AWS's. */
async function account(): Promise<void> {
  const { contract, base } = await playInfrastructure(bed, {
    stack: "asset-manager",
    repositories: ["asset-manager"],
    services: {
      web: { kind: "webserver", port: 3000, container: "asset-manager-web" },
      daemon: { kind: "daemon", container: "asset-manager-daemon" },
    },
  });
  keepDependencies = await shareDependencies(bed, base, ["asset-manager"]);
  webserver = contract.services["web"]?.url ?? "";
  const credentials = { accessKeyId: "infrastructure", secretAccessKey: "secret" };
  const settings = { endpoint: bed.url, region: bed.region, credentials };
  s3 = new S3Client(settings);
  await s3.send(new CreateBucketCommand({ Bucket: artifacts }));
  const { database: _database, ...others } = contract;
  const Body = JSON.stringify(others);
  await s3.send(new PutObjectCommand({ Bucket: contract.bucket.name, Key: "contract.json", Body }));
  const logs = new CloudWatchLogsClient(settings);
  for (const name of ["web", "daemon", "runs"])
    await logs.send(new CreateLogGroupCommand({ logGroupName: `/ecs/asset-manager/${name}` }));
  const ssm = new SSMClient(settings);
  const { host, port, user } = bed.postgresql;
  const parameters = {
    SERVER_HOST: "dg.example.com",
    AUTH0_CLIENT_ID: "client",
    AUTH0_CLIENT_SECRET: "local-aws-auth0",
    DAGSTER_PG_HOST: host,
    DAGSTER_PG_PORT: String(port),
    DAGSTER_PG_DB: "asset_manager",
    DAGSTER_PG_USER: user,
    DAGSTER_PG_PASSWORD: "local-aws-password",
    DAGSTER_S3_BUCKET: artifacts,
  };
  for (const [name, Value] of Object.entries(parameters))
    await ssm.send(new PutParameterCommand({ Name: `/asset_manager/local/${name}`, Value, Type: "SecureString" }));
}

function step(inputs: Readonly<Record<string, string>>): Promise<StepResult> {
  runId += 1;
  const environment = {
    ...bed.environment("deploy"),
    ...bed.mark,
    LOCAL_PLATFORM: process.arch === "arm64" ? "linux/arm64" : "linux/amd64",
    ENVIRONMENT: "local",
    PIP_CACHE_DIR: cacheFolder("pip"),
  };
  const job = {
    workspace: checkout.folder,
    repository: "example/asset-manager",
    runId,
    environment,
    folder: join(bed.folder, "runner"),
  };
  return runStep(job, { action: ".", with: { environment: "local", ...inputs } });
}

function told({ log, annotations }: StepResult): readonly string[] {
  return [...log.slice(-80), ...annotations.map(({ message }) => message)];
}

/** The revision that each service runs, by the service's key. */
async function definitionsOf(): Promise<Readonly<Record<string, string>>> {
  const services = await servicesByKey(bed.aws, "asset-manager");
  return Object.fromEntries(services.map(([key, { taskDefinition = "" }]) => [key, taskDefinition]));
}

const runsSchema = z.object({
  data: z.object({
    runsOrError: z.object({
      results: z.array(
        z.object({ status: z.string(), tags: z.array(z.object({ key: z.string(), value: z.string() })) }),
      ),
    }),
  }),
});

async function runs(): Promise<z.infer<typeof runsSchema>["data"]["runsOrError"]["results"]> {
  const response = await fetch(`${webserver}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: "{ runsOrError { ... on Runs { results { status tags { key value } } } } }" }),
    signal: AbortSignal.timeout(20_000),
  });
  return runsSchema.parse(await response.json()).data.runsOrError.results;
}
