import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  DescribeServicesCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  type Service,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { type Bed, type BedOptions, startBed } from "../../local-aws/bed.ts";
import { type Infrastructure, playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { type DefinitionRequest, runDefinition, serviceDefinition, type ServiceKey } from "./definitions.ts";
import { type Code, pushFixture } from "./images.ts";
import { awsSeconds, bedSpeed } from "./speed.ts";

/** The fixture's Dagster on a bed. */
export interface Stack {
  readonly bed: Bed;
  readonly infrastructure: Infrastructure;
  readonly ecs: ECSClient;
  /** The one address of the webserver. */
  readonly webserver: string;
  /** @returns the image's digest. */
  push(code: Code): Promise<string>;
  /** Registers run and service definition for an image, and asks ECS to run it once. */
  deploy(key: ServiceKey, digest: string, options?: Pick<DefinitionRequest, "workspace" | "home">): Promise<void>;
  service(key: ServiceKey): Promise<Service>;
  /** Is the PRIMARY deployment of each of these complete? */
  complete(...keys: readonly ServiceKey[]): Promise<boolean>;
  /** What the webserver says of the code location now. */
  location(): Promise<Location>;
  /** @returns the run's id. */
  launch(job: string): Promise<string>;
  runStatus(runId: string): Promise<string>;
  /** Lines of all tasks of one family. */
  logs(family: string): Promise<readonly string[]>;
}

export type Location =
  | { readonly kind: "loaded"; readonly image: string; readonly serverId: string }
  | { readonly kind: "broken"; readonly message: string }
  | { readonly kind: "unreachable"; readonly message: string };

/** A bed with the infrastructure of the fixture's stack and nothing that runs. */
export async function startStack(options: BedOptions = {}): Promise<Stack> {
  const bed = await startBed({ speed: bedSpeed, ...options });
  const infrastructure = await playInfrastructure(bed, {
    stack: "deal-flow",
    repositories: ["deal-flow/code"],
    services: {
      code: { kind: "code-location", port: 4000 },
      daemon: { kind: "daemon" },
      webserver: { kind: "webserver", port: 3000 },
    },
  });
  const settings = {
    endpoint: bed.url,
    region: bed.region,
    credentials: { accessKeyId: "deployer", secretAccessKey: "secret" },
  };
  const ecs = new ECSClient(settings);
  const logs = new CloudWatchLogsClient(settings);
  const cluster = infrastructure.contract.cluster;
  const webserver = infrastructure.contract.services["webserver"]?.url ?? "";
  const image = {
    registry: bed.url,
    repository: "deal-flow/code",
    base: infrastructure.base,
    python: bed.python,
  };
  const register = async (input: RegisterTaskDefinitionCommandInput): Promise<string> => {
    const { taskDefinition } = await ecs.send(new RegisterTaskDefinitionCommand(input));
    return taskDefinition?.taskDefinitionArn ?? "";
  };
  const service = async (key: ServiceKey): Promise<Service> => {
    const { services } = await ecs.send(new DescribeServicesCommand({ cluster, services: [`${cluster}-${key}`] }));
    const [described] = services ?? [];
    if (described === undefined) throw new Error(`no service for ${key}`);
    return described;
  };
  const ask = (query: string, variables: object = {}) => graphql(webserver, query, variables);

  return {
    bed,
    infrastructure,
    ecs,
    webserver,
    push: (code) => pushFixture(image, code),
    deploy: async (key, digest, options = {}) => {
      const runDefinitionArn = await register(runDefinition(infrastructure, digest, options.home));
      const request = { infrastructure, digest, runDefinitionArn, ...options };
      const taskDefinition = await register(serviceDefinition(key, request));
      await ecs.send(
        new UpdateServiceCommand({ cluster, service: `${cluster}-${key}`, taskDefinition, desiredCount: 1 }),
      );
    },
    service,
    complete: async (...keys) => {
      const services = await Promise.all(keys.map(service));
      return services.every(
        ({ deployments = [], runningCount }) =>
          runningCount === 1 && deployments.length === 1 && deployments[0]?.rolloutState === "COMPLETED",
      );
    },
    location: async () => {
      const answer = locationsSchema.safeParse(await ask(locationsQuery).catch((error: unknown) => String(error)));
      if (!answer.success) return { kind: "unreachable", message: answer.error.message };
      const [entry] = answer.data.workspaceOrError.locationEntries;
      const loaded = entry?.locationOrLoadError;
      if (entry === undefined || loaded?.__typename !== "RepositoryLocation") {
        return { kind: "broken", message: loaded?.message ?? "not loaded" };
      }
      const image = entry.displayMetadata.find(({ key }) => key === "image")?.value ?? "";
      return { kind: "loaded", image, serverId: loaded.serverId ?? "" };
    },
    launch: async (job) => {
      const selector = { repositoryLocationName: "deal_flow", repositoryName: "__repository__", jobName: job };
      const answer = launchSchema.parse(await ask(launchMutation, { params: { selector, mode: "default" } }));
      return answer.launchRun.run.runId;
    },
    runStatus: async (runId) => runSchema.parse(await ask(runQuery, { runId })).runOrError.status,
    logs: async (family) => {
      const logGroupName = infrastructure.contract["log-group"];
      const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName }));
      const ofFamily = events.filter(({ logStreamName }) => logStreamName?.startsWith(`${family}/`));
      return ofFamily.map(({ message }) => message ?? "");
    },
  };
}

/** Deploys all services on such code, and waits until the webserver has loaded it. @returns digest of its image */
export async function deployAll(stack: Stack, code: { readonly release: string }): Promise<string> {
  const keys = ["code", "daemon", "webserver"] as const;
  const digest = await stack.push(code);
  await Promise.all(keys.map((key) => stack.deploy(key, digest)));
  await until(() => stack.complete(...keys), Boolean);
  await until(
    () => stack.location(),
    ({ kind }) => kind === "loaded",
  );
  return digest;
}

/**
 * Asks until the answer is as wanted.
 * @throws Error with the last answer when that takes longer than so many seconds.
 */
export async function until<T>(
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
  longestSeconds = 90 + awsSeconds,
): Promise<T> {
  const limit = performance.now() + longestSeconds * 1000;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (performance.now() > limit) throw new Error(`it never came; last: ${JSON.stringify(answer).slice(0, 2000)}`);
    await sleep(100);
  }
}

async function graphql(webserver: string, query: string, variables: object): Promise<unknown> {
  const response = await fetch(`${webserver}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 200)}`);
  return z.object({ data: z.unknown() }).parse(JSON.parse(text)).data;
}

const locationsQuery = `query { workspaceOrError { ... on Workspace { locationEntries {
  displayMetadata { key value }
  locationOrLoadError { __typename ... on RepositoryLocation { serverId } ... on PythonError { message } } } } } }`;
const locationsSchema = z.object({
  workspaceOrError: z.object({
    locationEntries: z.array(
      z.object({
        displayMetadata: z.array(z.object({ key: z.string(), value: z.string() })),
        locationOrLoadError: z
          .object({ __typename: z.string(), serverId: z.string().nullish(), message: z.string().optional() })
          .nullable(),
      }),
    ),
  }),
});

const launchMutation = `mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
  ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }`;
const launchSchema = z.object({ launchRun: z.object({ run: z.object({ runId: z.string() }) }) });

const runQuery = `query ($runId: ID!) { runOrError(runId: $runId) { ... on Run { status } } }`;
const runSchema = z.object({ runOrError: z.object({ status: z.string() }) });
