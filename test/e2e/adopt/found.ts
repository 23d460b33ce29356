import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { promisify } from "node:util";
import * as z from "zod";
import {
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import { dagster, type Dagster } from "../../../src/dagster/client.ts";
import { scheduleTicks } from "../../../src/dagster/instigators.ts";
import { readState } from "../../../src/gates/state/read.ts";
import { cacheFolder } from "../../cache-folder.ts";
import type { GitCheckout } from "../../checkout.ts";
import type { Bed } from "../../local-aws/bed.ts";
import type { Infrastructure } from "../../local-aws/infrastructure/play.ts";
import { buildLayer } from "../../local-aws/infrastructure/layer.ts";
import { pythonTools } from "../../python-tools.ts";
import { type CommandResult, runCommand } from "../../runner/run-command.ts";
import { testContext } from "../../unit/context.ts";
import { pushOnDagster } from "../process-runtime/images.ts";
import { until } from "../process-runtime/stack.ts";

/** A Dagster that somebody has made by hand on a bed, and a checkout of theirs. */
export interface Found {
  readonly ecs: ECSClient;
  readonly dagster: Dagster;
  /** Registers definitions, and runs them in services that are there. @returns when all of them are complete */
  run(services: Readonly<Record<string, FoundService>>): Promise<void>;
  register(definition: RegisterTaskDefinitionCommandInput): Promise<string>;
  /** Their image, with such files and variables, tagged `latest`. @returns its digest */
  push(repository: string, files: Readonly<Record<string, string>>, variables: readonly string[]): Promise<string>;
  command(checkout: GitCheckout, ...words: readonly string[]): Promise<CommandResult>;
  /** Runs what `leave` wrote, by AWS's own command line. @returns what it said beside the records that it removed */
  carryOutLeaving(checkout: GitCheckout): Promise<readonly string[]>;
  /** Schedules and sensors as Dagster has them now: status and cursor by name. */
  state(location: string): Promise<Readonly<Record<string, readonly [string, string | null]>>>;
  /** Launches a run with the tag `waits`, which their coordinator lets nobody begin. @returns its id */
  queue(location: string, job: string, tags?: Readonly<Record<string, string>>): Promise<string>;
  statusOf(runId: string): Promise<string>;
  /** When the schedule `every_minute` of a location ticked first, in seconds since 1970. */
  firstTick(location: string): Promise<number>;
  /** Minutes since its first tick for which it has none, once that of the minute that began last is there. */
  ticksMissed(location: string, first: number): Promise<readonly number[]>;
  /** What services run: revision by name of the service. */
  revisions(): Promise<Readonly<Record<string, string>>>;
  /** Digests of the images that services run, by name of the service. */
  images(): Promise<Readonly<Record<string, readonly string[]>>>;
  /** Names of what in definitions that run, or their tags, is of releases. */
  traces(): Promise<readonly string[]>;
}

export interface FoundService {
  readonly definition: RegisterTaskDefinitionCommandInput;
  readonly count: number;
}

/** @param names of the services */
export function found(bed: Bed, infrastructure: Infrastructure, names: readonly string[], webserver: string): Found {
  const { cluster } = infrastructure.contract;
  const credentials = { accessKeyId: "deployer", secretAccessKey: "secret" };
  const ecs = new ECSClient({ endpoint: bed.url, region: bed.region, credentials });
  const asked = dagster({ url: webserver, login: null }, testContext().context);
  const described = async () =>
    (await ecs.send(new DescribeServicesCommand({ cluster, services: [...names] }))).services ?? [];
  const register = async (definition: RegisterTaskDefinitionCommandInput): Promise<string> =>
    (await ecs.send(new RegisterTaskDefinitionCommand(definition))).taskDefinition?.taskDefinitionArn ?? "";
  const ticks = async (repositoryLocationName: string): Promise<readonly number[]> => {
    const selector = { repositoryLocationName, repositoryName: "__repository__", scheduleName: "every_minute" };
    const { scheduleOrError } = await asked.ask(scheduleTicks, { selector });
    if (!("scheduleState" in scheduleOrError)) throw new Error(JSON.stringify(scheduleOrError));
    return scheduleOrError.scheduleState.ticks.map(({ timestamp }) => timestamp);
  };
  return {
    ecs,
    dagster: asked,
    register,
    run: async (services) => {
      for (const [service, { definition, count: desiredCount }] of Object.entries(services)) {
        const taskDefinition = await register(definition);
        await ecs.send(new UpdateServiceCommand({ cluster, service, taskDefinition, desiredCount }));
      }
      const moving = async () =>
        (await described()).flatMap(({ serviceName, events, deployments = [], runningCount, desiredCount }) =>
          runningCount === desiredCount && deployments.length === 1 && deployments[0]?.rolloutState === "COMPLETED"
            ? []
            : [{ serviceName, runningCount, desiredCount, events: events?.slice(0, 5).map(({ message }) => message) }],
        );
      await until(moving, (all) => all.length === 0);
    },
    push: async (repository, files, variables) => {
      const key = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 16);
      const layer = await buildLayer(cacheFolder("built-layers", `found-${key}.tar.gz`), () =>
        Object.entries(files).map(([path, content]) => ({
          kind: "file" as const,
          path,
          executable: false,
          content: Buffer.from(content),
        })),
      );
      const image = { registry: bed.url, repository, base: infrastructure.base, python: bed.python };
      return pushOnDagster(image, "latest", layer, variables);
    },
    command: (checkout, ...words) =>
      runCommand(
        {
          folder: checkout.folder,
          environment: { ...bed.environment("deploy"), ...bed.mark, PIP_CACHE_DIR: cacheFolder("pip") },
        },
        [...words, `--repository=owner/${cluster}`],
      ),
    carryOutLeaving: async (checkout) => {
      const { aws, environment } = await pythonTools();
      const PATH = `${dirname(aws)}:${process.env["PATH"] ?? ""}`;
      const env = { ...bed.environment("deploy"), ...environment, PATH };
      const { stdout } = await promisify(execFile)("sh", ["dagster-leave/leave.sh"], { cwd: checkout.folder, env });
      return stdout.split("\n").filter((line) => line !== "" && !line.startsWith("delete: s3://"));
    },
    state: async (location) => {
      const seen = await readState(asked);
      const answer = typeof seen === "string" ? undefined : seen.get(location);
      if (answer?.kind !== "loaded") throw new Error(JSON.stringify(answer ?? seen));
      return Object.fromEntries(
        answer.instigators.map(({ name, status, cursor }) => [name, [status, cursor?.text ?? null]]),
      );
    },
    queue: async (repositoryLocationName, jobName, tags = {}) => {
      const { launchRun } = await asked.ask(launch, {
        params: {
          selector: { repositoryLocationName, repositoryName: "__repository__", jobName },
          mode: "default",
          executionMetadata: {
            tags: Object.entries({ waits: "yes", ...tags }).map(([key, value]) => ({ key, value })),
          },
        },
      });
      return launchRun.run.runId;
    },
    statusOf: async (runId) => (await asked.ask(statusOf, { runId })).runOrError.status,
    firstTick: async (location) =>
      Math.min(
        ...(await until(
          () => ticks(location),
          (all) => all.length > 0,
        )),
      ),
    ticksMissed: async (location, first) => {
      const last = Math.floor(Date.now() / 60_000) * 60;
      const all = new Set(
        await until(
          () => ticks(location),
          (seen) => seen.includes(last),
        ),
      );
      const due = Array.from({ length: (last - first) / 60 + 1 }, (_, index) => first + index * 60);
      return due.filter((at) => !all.has(at));
    },
    revisions: async () =>
      Object.fromEntries(
        (await described()).map(({ serviceName = "", taskDefinition = "" }) => [
          serviceName,
          taskDefinition.replace(/^.*\//, ""),
        ]),
      ),
    images: async () =>
      Object.fromEntries(
        await Promise.all(
          (await described()).map(async ({ serviceName = "", taskDefinition }) => {
            const { taskDefinition: now } = await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition }));
            const images = now?.containerDefinitions?.map(({ image = "" }) => image.replace(/^.*@/, "")) ?? [];
            return [serviceName, images] as const;
          }),
        ),
      ),
    traces: async () => {
      const all = await Promise.all(
        (await described()).map(async ({ serviceName = "", taskDefinition }) => {
          const command = new DescribeTaskDefinitionCommand({ taskDefinition, include: ["TAGS"] });
          const { tags = [], taskDefinition: now } = await ecs.send(command);
          const text = `${JSON.stringify(now)} ${tags.map(({ key }) => key).join(" ")}`;
          return [...text.matchAll(/dagster-ecs[.:\w-]*/g)].map(([name]) => `${serviceName}: ${name}`);
        }),
      );
      return all.flat();
    },
  };
}

const launch = {
  name: "Launch",
  text: `mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) {
  ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }`,
  answer: z.object({ launchRun: z.object({ run: z.object({ runId: z.string() }) }) }),
};

const statusOf = {
  name: "StatusOf",
  text: "query StatusOf($runId: ID!) { runOrError(runId: $runId) { ... on Run { status } } }",
  answer: z.object({ runOrError: z.object({ status: z.string() }) }),
};
