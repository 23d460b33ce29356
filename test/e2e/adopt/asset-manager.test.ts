import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CloudWatchLogsClient, CreateLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import type { RegisterTaskDefinitionCommandInput } from "@aws-sdk/client-ecs";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import * as z from "zod";
import { isChanged, setSensorCursor, startSchedule } from "../../../src/dagster/instigators.ts";
import { type GitCheckout, newCheckout } from "../../checkout.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { type Infrastructure, playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { until } from "../process-runtime/stack.ts";
import { type Found, found } from "./found.ts";

// asset-manager as its guide makes it: JSON definitions whose names a script fills in, the run definition's ARN in dagster.yaml, no code
// server, two webservers. A schedule that somebody turned on, one that is due every minute, a sensor that has come a way, a run that waits.

const example = join(import.meta.dirname, "../../../examples/asset-manager");
const artifacts = "asset-manager-artifacts";
const names = ["asset-manager-web", "asset-manager-daemon"] as const;
const where = { repositoryLocationName: "asset_manager", repositoryName: "__repository__" };
const asPeopleLeftIt = {
  daily_snowflake_cache_schedule: ["RUNNING", null],
  every_minute: ["RUNNING", null],
  partition_sync_sensor: ["RUNNING", "day 42"],
};

let bed: Bed;
let infrastructure: Infrastructure;
let checkout: GitCheckout;
let theirs: Found;
let digest: string;
let webserver: string;
let waiting: string;
let first: number;

beforeAll(async () => {
  bed = await startBed({ speed: 50, region: "us-west-1" });
  infrastructure = await playInfrastructure(bed, {
    stack: "asset-manager",
    repositories: ["asset-manager"],
    services: {
      web: { kind: "webserver", port: 3000, container: "asset-manager-web" },
      daemon: { kind: "daemon", container: "asset-manager-daemon" },
    },
  });
  webserver = infrastructure.contract.services["web"]?.url ?? "";
  theirs = found(bed, infrastructure, names, webserver);
  await account();
  const { taskDefinition: run, files } = await theirFiles();
  digest = await theirs.push("asset-manager", inImage(files), []);
  expect(run).toContain(":task-definition/asset-manager-run:");
  await theirs.run({
    "asset-manager-web": { definition: filledIn(files, "web"), count: 2 },
    "asset-manager-daemon": { definition: filledIn(files, "daemon"), count: 1 },
  });
  await until(
    () => theirs.state(where.repositoryLocationName).catch((error: unknown) => String(error)),
    (answer) => typeof answer !== "string",
  );
  for (const changed of [
    await theirs.dagster.ask(startSchedule, {
      selector: { ...where, scheduleName: "daily_snowflake_cache_schedule" },
    }),
    await theirs.dagster.ask(setSensorCursor, {
      selector: { ...where, sensorName: "partition_sync_sensor" },
      cursor: "day 42",
    }),
  ])
    expect(isChanged(changed)).toBe(true);
  waiting = await theirs.queue(where.repositoryLocationName, "refresh", { "dagster/partition": "2026-01-02" });
  checkout = await newCheckout(files);
  first = await theirs.firstTick(where.repositoryLocationName);
}, 300_000);

afterAll(async () => {
  await checkout.remove();
  await bed.close();
});

test("is described as it is, and nothing would change; the run that waits is listed", async () => {
  const bucket = infrastructure.contract.bucket.name;
  const result = await theirs.command(
    checkout,
    "adopt",
    "--cluster=asset-manager",
    `--url=${webserver}`,
    `--bucket=${bucket}`,
  );
  expect([result.exitCode, result.errors]).toEqual([0, expect.any(String)]);
  expect(result.output).toContain("Nothing would change:");
  expect(result.output).toContain(waiting);
  expect(result.output).toContain("every_minute of asset_manager (every minute)");
  const text = stackText();
  expect(text).toContain("locations: [asset_manager]");
  expect(text).toContain("run-task-definition.json");
  expect(await theirs.state("asset_manager")).toEqual(asPeopleLeftIt);
});

test("is recorded without a service that moves", async () => {
  checkout.commit("Adopt what runs");
  const before = await theirs.revisions();
  const result = await theirs.command(checkout, "adopt", "record", "--json");
  expect([result.exitCode, result.exitCode === 0 ? "" : result.output]).toEqual([0, ""]);
  expect(JSON.parse(result.output)).toMatchObject({ outcome: "committed", base: null });
  expect(await theirs.revisions()).toEqual(before);
});

test("releases new code, and goes back to what was found; state, names and the run that waits stay", async () => {
  const layers = `layers: { base: asset-manager@${digest}, files: [{ from: asset_manager, to: /app/asset_manager }] }`;
  writeFileSync(join(checkout.folder, "dagster-stack.yml"), stackText().replace(/build: \{.*\}/, layers));
  const file = join(checkout.folder, "asset_manager/definitions.py");
  writeFileSync(file, readFileSync(file, "utf8").replace("every day was read", "nothing is missing"));
  checkout.commit("Say it otherwise");
  const before = await theirs.revisions();
  for (const words of [["deploy"], ["rollback", "previous"]]) {
    const done = await theirs.command(checkout, ...words);
    expect([done.exitCode, done.exitCode === 0 ? "" : `${done.output}\n${done.errors}`]).toEqual([0, ""]);
    expect(await theirs.state("asset_manager")).toEqual(asPeopleLeftIt);
  }
  expect(Object.keys(await theirs.revisions())).toEqual(Object.keys(before));
  expect(await theirs.statusOf(waiting)).toBe("QUEUED");
}, 300_000);

test("is left with the same state, on the same image, nothing of ours, and no tick was lost since it was found", async () => {
  const left = await theirs.command(checkout, "leave");
  expect([left.exitCode, left.exitCode === 0 ? "" : left.errors]).toEqual([0, ""]);
  expect(await theirs.carryOutLeaving(checkout)).toEqual([]);
  await theirs.run({});
  await until(
    () => theirs.state("asset_manager").catch((error: unknown) => String(error)),
    (answer) => JSON.stringify(answer) === JSON.stringify(asPeopleLeftIt),
  );
  expect(await theirs.traces()).toEqual([]);
  expect(await theirs.images()).toEqual({ [names[0]]: [digest], [names[1]]: [digest] });
  expect(await theirs.statusOf(waiting)).toBe("QUEUED");
  expect(await theirs.ticksMissed(where.repositoryLocationName, first)).toEqual([]);
}, 300_000);

const stackText = (): string => readFileSync(join(checkout.folder, "dagster-stack.yml"), "utf8");

/** Their checkout, with the ARN of the run definition in dagster.yaml. */
async function theirFiles(): Promise<{
  readonly taskDefinition: string;
  readonly files: Readonly<Record<string, string>>;
}> {
  const files: Record<string, string> = {};
  for (const path of readdirSync(join(example, "asset_manager"), { recursive: true, encoding: "utf8" })) {
    const from = join(example, "asset_manager", path);
    if (statSync(from).isFile() && !path.includes("__pycache__"))
      files[`asset_manager/${path}`] = readFileSync(from, "utf8");
  }
  const change = (path: string, edit: (text: string) => string): void => {
    const before = files[path] ?? "";
    files[path] = edit(before);
    if (files[path] === before) throw new Error(`${path} is no longer as this test knows it`);
  };
  change("asset_manager/deployment/ecs/env.json", (text) => text.replace('"require"', '"disable"'));
  change("asset_manager/definitions.py", (text) =>
    text
      .replace(", default_status=dg.DefaultScheduleStatus.RUNNING\n)", ",\n)")
      .replace(
        "defs = dg.Definitions(",
        `@dg.schedule(job=refresh, cron_schedule="* * * * *", default_status=dg.DefaultScheduleStatus.RUNNING)
def every_minute() -> dg.SkipReason:
    return dg.SkipReason("looked")


defs = dg.Definitions(`,
      )
      .replace("schedules=[", "schedules=[every_minute, "),
  );
  const taskDefinition = await theirs.register(filledIn(files, "run-task"));
  change("asset_manager/deployment/dagster/dagster.yaml", (text) =>
    text
      .replace(
        "config: { secrets_tag: null }",
        `config: { secrets_tag: null, container_name: asset-manager-run, task_definition: "${taskDefinition}" }`,
      )
      .replace(
        "dequeue_interval_seconds: 1",
        "dequeue_interval_seconds: 1, tag_concurrency_limits: [{ key: waits, limit: 0 }]",
      ),
  );
  return { taskDefinition, files };
}

function inImage(files: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const folder = "asset_manager/deployment/dagster/";
  const ofDagster = Object.entries(files).filter(([path]) => path.startsWith(folder));
  return Object.fromEntries([
    ...Object.entries(files).map(([path, text]) => [`app/${path}`, text] as const),
    ...ofDagster.map(([path, text]) => [`opt/dagster/${path.slice(folder.length)}`, text] as const),
  ]);
}

const definitionShape = z.looseObject({ containerDefinitions: z.tuple([z.looseObject({})]) });

/** As their script makes it: names in place of variables, and environment and secrets of the shared file. */
function filledIn(files: Readonly<Record<string, string>>, name: string): RegisterTaskDefinitionCommandInput {
  const values: Readonly<Record<string, string>> = {
    account: bed.account,
    region: bed.region,
    app: "asset_manager",
    env: "prod",
  };
  const read = (file: string): unknown =>
    JSON.parse(
      (files[`asset_manager/deployment/ecs/${file}`] ?? "").replaceAll(
        /\$(account|region|app|env)\b/g,
        (whole, key: string) => values[key] ?? whole,
      ),
    );
  const file = name === "run-task" ? "run-task-definition.json" : `${name}-task-definition.json`;
  const { containerDefinitions, ...rest } = definitionShape.parse(read(file));
  const shared = z.looseObject({}).parse(read("env.json"));
  const cpuArchitecture = process.arch === "arm64" ? "ARM64" : "X86_64";
  return {
    family: "",
    ...rest,
    runtimePlatform: { cpuArchitecture, operatingSystemFamily: "LINUX" },
    containerDefinitions: [{ ...containerDefinitions[0], ...shared }],
  };
}

async function account(): Promise<void> {
  const credentials = { accessKeyId: "infrastructure", secretAccessKey: "secret" };
  const settings = { endpoint: bed.url, region: bed.region, credentials };
  await new S3Client(settings).send(new CreateBucketCommand({ Bucket: artifacts }));
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
    await ssm.send(new PutParameterCommand({ Name: `/asset_manager/prod/${name}`, Value, Type: "SecureString" }));
}
