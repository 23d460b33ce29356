import { ECS } from "@aws-sdk/client-ecs";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { type Served, serve } from "../../contract/local-aws/clients.ts";
import type { Server } from "../../local-aws/backing/server.ts";
import { type Dagster, type DagsterOptions, type Location, openDagster, until } from "./dagster.ts";
import { freePort } from "../../loopback.ts";

/** A run is planned, waits in the queue, and is started when other code is served: which code does it run on? */
let dagster: Dagster;
let served: Served | null = null;

afterEach(async () => {
  await dagster.close();
  await served?.close();
  served = null;
});

const launcher = "run_launcher: { module: dag_reader.launcher, class: PlannedCodeRunLauncher }\n";

const web = (workspace: string): Promise<Server> =>
  dagster.start("webserver", ["dagster_webserver", "-w", workspace], {
    ready: async () => (await dagster.location()) !== null,
  });

const daemon = (workspace: string): Promise<Server> =>
  dagster.start("daemon", ["dagster._daemon", "run", "-w", workspace], { ready: () => Promise.resolve(true) });

describe("a code server of its own", () => {
  let port: number;
  let workspace: string;

  async function open(options: DagsterOptions): Promise<void> {
    dagster = await openDagster(options);
    port = await freePort();
    workspace = join(dagster.folder, "workspace.yaml");
    await writeFile(
      workspace,
      `load_from: [{ grpc_server: { host: 127.0.0.1, port: ${port}, location_name: shop } }]\n`,
    );
  }

  /** A server whose id names the version, in the folder of that version. */
  async function serveVersion(name: string, environment: Readonly<Record<string, string>> = {}): Promise<Server> {
    const at = await dagster.version(name);
    const args = ["dagster", "api", "grpc", "-h", "127.0.0.1", "-p", String(port), "-m", "shop", "-d", at];
    return dagster.start("code server", [...args, "--fixed-server-id", `${name}.first`], {
      environment,
      ready: async () => (await fetch(`http://127.0.0.1:${port}`).catch(isHttp2)) === true,
    });
  }

  const loaded = (name: string): Promise<Location | null> =>
    until(
      () => dagster.location().catch(() => null),
      (location) => location?.serverId === `${name}.first`,
    );

  test("a run that is a task of its own runs on the code of its plan, and its command names the folder", async () => {
    served = await serve();
    const { aws, server } = served;
    const ecs = new ECS({ endpoint: server.url, region: aws.region, credentials });
    await ecs.createCluster({ clusterName: "main" });
    const { taskDefinition } = await ecs.registerTaskDefinition({
      family: "run",
      networkMode: "awsvpc",
      requiresCompatibilities: ["FARGATE"],
      cpu: "256",
      memory: "512",
      containerDefinitions: [{ name: "run", image: "app:1" }],
    });
    ecs.destroy();
    await open({
      yaml: ecsLauncher,
      environment: {
        AWS_ENDPOINT_URL: server.url,
        AWS_DEFAULT_REGION: aws.region,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      },
    });
    const context = { ecs: { task_definition_arn: taskDefinition?.taskDefinitionArn, container_name: "run" } };
    const environment = { DAGSTER_CONTAINER_CONTEXT: JSON.stringify(context) };
    const first = await serveVersion("one", environment);
    await web(workspace);
    const planned = await dagster.launch();

    await first.stop();
    await serveVersion("two", environment);
    await loaded("two");
    const later = await dagster.launch();
    await daemon(workspace);

    const commands = await until(
      () => Promise.resolve(aws.calls.flatMap(commandOf)),
      (found) => found.length === 2,
    );
    for (const [, ...args] of commands) await dagster.command(["dagster", ...args]);
    expect(await dagster.ended(planned)).toEqual({ status: "SUCCESS", said: "one one" });
    expect(await dagster.ended(later)).toEqual({ status: "SUCCESS", said: "two two" });
    const ofPlanned = commands.find((command) => command.join(" ").includes(planned)) ?? [];
    expect(ofPlanned.join(" ")).toContain(JSON.stringify(join(dagster.folder, "versions", "one")).slice(1, -1));
  });

  test("a run inside the code server is refused when the server has other code by then", async () => {
    await open({ yaml: launcher });
    const first = await serveVersion("one");
    await web(workspace);
    const planned = await dagster.launch();
    await first.stop();
    await serveVersion("two");
    await loaded("two");
    const later = await dagster.launch();
    await daemon(workspace);
    expect(await dagster.ended(planned)).toEqual({ status: "FAILURE", said: "nothing" });
    expect(await dagster.ended(later)).toEqual({ status: "SUCCESS", said: "two two" });
  });
});

/** Lets the workspace have a location in the folder of this version. @returns the folder */
async function point(workspace: string, name: string): Promise<string> {
  const folder = await dagster.version(name);
  const target = `{ module_name: shop, working_directory: ${folder}, location_name: shop }`;
  await writeFile(workspace, `load_from: [{ python_module: ${target} }]\n`);
  return folder;
}

test("webserver and daemon that load the code themselves run it as it was planned, and keep what people switched on", async () => {
  dagster = await openDagster({ yaml: launcher });
  const workspace = join(dagster.folder, "workspace.yaml");
  await point(workspace, "one");
  await web(workspace);
  await dagster.ask(startSchedule, startedSchema, schedule);
  const planned = await dagster.launch();

  await point(workspace, "two");
  await dagster.ask("mutation { reloadWorkspace { __typename } }", z.unknown());
  const location = await dagster.location();
  expect(location?.metadata["working_directory"]).toBe(join(dagster.folder, "versions", "two"));
  expect(await dagster.ask(scheduleQuery, scheduleSchema, schedule)).toMatchObject({
    scheduleOrError: { scheduleState: { status: "RUNNING" } },
  });
  const later = await dagster.launch();
  await daemon(workspace);
  expect(await dagster.ended(planned)).toEqual({ status: "SUCCESS", said: "one one" });
  expect(await dagster.ended(later)).toEqual({ status: "SUCCESS", said: "two two" });
});

test("webserver and daemon that load the code themselves run it as it was planned, though the newest cannot be imported", async () => {
  dagster = await openDagster({ yaml: launcher });
  const workspace = join(dagster.folder, "workspace.yaml");
  await point(workspace, "one");
  await web(workspace);
  const planned = await dagster.launch();
  await writeFile(join(await point(workspace, "two"), "shop.py"), "import nothing_of_that_name\n");
  await daemon(workspace);
  expect(await dagster.ended(planned)).toEqual({ status: "SUCCESS", said: "one one" });
});

test("a code server is asked for its version right before a run is handed over to it", async () => {
  dagster = await openDagster({ yaml: "" });
  await copyFile(new URL("asked.py", import.meta.url), join(dagster.folder, "asked.py"));
  await dagster.command(["asked"]);
});

const credentials = { accessKeyId: "daemon", secretAccessKey: "unused" };

const ecsLauncher = `run_launcher:
  module: dagster_aws.ecs
  class: EcsRunLauncher
  config:
    secrets_tag: null
    use_current_ecs_task_config: false
    run_task_kwargs:
      cluster: main
      launchType: FARGATE
      networkConfiguration: { awsvpcConfiguration: { subnets: [subnet-1] } }
`;

const runTaskSchema = z.object({
  overrides: z.object({ containerOverrides: z.tuple([z.object({ command: z.array(z.string()) })]) }),
});

function commandOf({ operation, input }: { readonly operation: string; readonly input: unknown }): string[][] {
  if (operation !== "RunTask") return [];
  return runTaskSchema.parse(input).overrides.containerOverrides.map(({ command }) => command);
}

/** A server of gRPC hangs up on who speaks HTTP/1: then it listens. */
function isHttp2(error: unknown): boolean {
  const { cause } = error as { readonly cause?: { readonly code?: string } };
  return cause?.code !== "ECONNREFUSED";
}

const schedule = {
  selector: { repositoryLocationName: "shop", repositoryName: "__repository__", scheduleName: "yearly" },
};
const startSchedule = `mutation ($selector: ScheduleSelector!) {
  startSchedule(scheduleSelector: $selector) { ... on ScheduleStateResult { scheduleState { status } } } }`;
const startedSchema = z.object({
  startSchedule: z.object({ scheduleState: z.object({ status: z.literal("RUNNING") }) }),
});
const scheduleQuery = `query ($selector: ScheduleSelector!) {
  scheduleOrError(scheduleSelector: $selector) { ... on Schedule { scheduleState { status } } } }`;
const scheduleSchema = z.object({ scheduleOrError: z.object({ scheduleState: z.object({ status: z.string() }) }) });
