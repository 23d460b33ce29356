import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  DescribeTasksCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  type Task,
} from "@aws-sdk/client-ecs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ecr } from "../../../src/aws/ecr.ts";
import type { Context, Progress } from "../../../src/domain/context.ts";
import type { Sha } from "../../../src/domain/identifiers.ts";
import { applyImage, observeImage, openImages, planImage } from "../../../src/images/index.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { type Infrastructure, playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { until } from "./stack.ts";

/** dbt over DuckDB in one image of layers, whose manifest is made by `prepare`; run as tasks. */
let bed: Bed;
let infrastructure: Infrastructure;
let folder: string;
let image: string;
const said: Progress[] = [];
const code = "code/data-platform/core";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "data-platform-"));
  bed = await startBed({ speed: 100 });
  infrastructure = await playInfrastructure(bed, {
    stack: "small",
    repositories: ["data-platform"],
    services: {},
  });
  const root = join(folder, "checkout");
  await cp(fileURLToPath(new URL("../../../examples/data-platform", import.meta.url)), root, { recursive: true });
  const context: Context = {
    clock: {
      now: () => Date.now(),
      sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    },
    signal: new AbortController().signal,
    report: (one) => void said.push(one),
  };
  process.env["AWS_ENDPOINT_URL"] = bed.url;
  const credentials = { accessKeyId: "deployer", secretAccessKey: "secret" };
  const clients = await openImages(context, ecr(context, { region: bed.region, credentials }), {
    scratch: join(folder, "scratch"),
    kept: join(folder, "kept"),
  });
  const observation = await observeImage(
    clients,
    context,
    {
      way: "layers",
      repository: "data-platform",
      createRepository: null,
      platform: "linux/amd64",
      source: { repository: "owner/data-platform", sha: "a".repeat(40) as Sha },
      isDirty: false,
      root,
      place: null,
      base: "small/base:python",
      requirements: "infrastructure/data-platform/dagster/requirements.lock",
      groups: [],
      prepare: [`dbt parse --project-dir ${code}/processing/dbt --profiles-dir ${code}/processing/dbt`],
      files: [
        { from: `${code}/orchestration/dagster`, to: "/app/dagster" },
        { from: `${code}/processing/dbt`, to: "/app/dbt" },
      ],
      generated: {},
      workdir: "/app/dagster",
      environment: { DBT_SEND_ANONYMOUS_USAGE_STATS: "false" },
      user: "1000",
      python: null,
      places: null,
    },
    null,
  );
  const { part } = await applyImage(clients, context, observation, planImage(observation));
  image = `${infrastructure.registry}/data-platform@${part.digest}`;
}, 600_000);

afterAll(async () => {
  delete process.env["AWS_ENDPOINT_URL"];
  await bed.close();
  await rm(folder, { recursive: true, force: true });
});

test("the image's definitions are valid where it runs, with the manifest that `prepare` has made", async () => {
  const { code, lines } = await run(["dagster", "definitions", "validate", "-m", "definitions"]);
  expect({ code, lines: code === 0 ? [] : lines.slice(-20) }).toEqual({ code: 0, lines: [] });
  expect(lines.join("\n")).toMatch(/Validation successful/);
});

/** Runs a command in a container of the image, to its end. */
async function run(
  command: readonly string[],
): Promise<{ readonly code: number | undefined; readonly lines: readonly string[] }> {
  const settings = {
    endpoint: bed.url,
    region: bed.region,
    credentials: { accessKeyId: "deployer", secretAccessKey: "secret" },
  };
  const ecs = new ECSClient(settings);
  const group = "/dagster/small";
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: "data-platform",
      networkMode: "awsvpc",
      requiresCompatibilities: ["FARGATE"],
      cpu: "256",
      memory: "1024",
      executionRoleArn: infrastructure.roleArn("small-execution"),
      containerDefinitions: [
        {
          name: "main",
          image,
          command: [...command],
          logConfiguration: {
            logDriver: "awslogs",
            options: { "awslogs-group": group, "awslogs-region": bed.region, "awslogs-stream-prefix": "run" },
          },
        },
      ],
    }),
  );
  const { tasks } = await ecs.send(
    new RunTaskCommand({
      cluster: "small",
      taskDefinition: taskDefinition?.taskDefinitionArn,
      launchType: "FARGATE",
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-0a11cea"], securityGroups: ["sg-0a11ce"] } },
    }),
  );
  const arn = tasks?.[0]?.taskArn ?? "";
  const ended: Task = await until(
    async () => (await ecs.send(new DescribeTasksCommand({ cluster: "small", tasks: [arn] }))).tasks?.[0] ?? {},
    ({ lastStatus }) => lastStatus === "STOPPED",
  );
  const logStreamNames = [`run/main/${arn.split("/").at(-1) ?? ""}`];
  const { events } = await new CloudWatchLogsClient(settings).send(
    new FilterLogEventsCommand({ logGroupName: group, logStreamNames, limit: 10_000 }),
  );
  const lines = (events ?? []).map(({ message }) => message ?? "");
  return { code: ended.containers?.[0]?.exitCode, lines: lines.length > 0 ? lines : [ended.stoppedReason ?? ""] };
}
