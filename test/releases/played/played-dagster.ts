import type { ContainerDefinition, Task, TaskDefinition } from "@aws-sdk/client-ecs";
import { type Dagster, DagsterOutOfReach, DagsterUnreachable } from "../../../src/dagster/client.ts";
import type { TickedRepository } from "../../../src/dagster/documents.ts";
import type { ToldRun } from "../../../src/dagster/run-story.ts";
import type { LocalAws } from "../../local-aws/local-aws.ts";
import { readPastClient } from "../../unit/local-aws/stage.ts";
import { type PlayedInstigators, playInstigators } from "./played-instigators.ts";
import type { OutsideCall, Wire } from "./wire.ts";

/**
 * A webserver as the product asks it, made of what runs in the played ECS. It stands in for Dagster where time is fake; the demo and
 * the tests of the gates ask a real one.
 */
export interface PlayedDagster {
  open(signal: AbortSignal, wire: Wire): Dagster;
  /** Location that does not load, when its image is one of these. */
  readonly broken: { has(image: string): boolean };
  /** Versions of code in S3 that cannot be loaded: what was served before stays. */
  readonly brokenVersions: Set<string>;
  /** Runs that were launched, oldest first. */
  readonly runs: readonly LaunchedRun[];
  /** A run is made now, and waits: by a schedule, a sensor, a person. Nobody starts it. @returns its id */
  queue(location: string, job: string): string;
  /** Runs that were queued, oldest first. */
  readonly queued: readonly QueuedRun[];
  /** Runs of which it tells what they were, newest first. */
  readonly told: ToldRun[];
  /** Errors of runs, by their id. */
  readonly errors: Map<string, string>;
  /** Ids of runs that cannot be ended. */
  readonly stubborn: Set<string>;
  /** Runs that live in a process of the stack, until a moment in milliseconds since 1970. */
  readonly living: LivingRun[];
  /** What it tells of schedules and sensors. */
  readonly repositories: TickedRepository[];
  /** Schedules and sensors that code defines, and what people have made of them. */
  readonly instigators: PlayedInstigators;
}

export interface QueuedRun {
  readonly id: string;
  readonly location: string;
  readonly job: string;
  /** Milliseconds since 1970. */
  readonly madeAt: number;
  readonly status: "QUEUED" | "CANCELED";
}

export interface LivingRun {
  readonly runId: string;
  readonly jobName: string;
  readonly until: number;
}

export interface LaunchedRun {
  readonly id: string;
  readonly taskArn: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface DagsterStack {
  readonly cluster: string;
  /** ECS service by location. */
  readonly locations: Readonly<Record<string, string>>;
  readonly webserver: string;
  /** Each of them sends heartbeats while it runs. */
  readonly daemons: readonly string[];
  readonly broken: PlayedDagster["broken"];
  /** Version of Dagster in an image, by its reference; null: the one that is played. Absent: of all. */
  readonly dagsterIn?: (image: string) => string | null;
  /** What readers of a location are to have now, by the `DAGS` or `DAGS_LIST` that a container has; null: nothing. Absent: no code is in S3. */
  readonly version?: (location: string, dags: string) => string | null;
}

export function playDagster(aws: LocalAws, now: () => number, stack: DagsterStack): PlayedDagster {
  const { cluster } = stack;
  const runs: LaunchedRun[] = [];
  let queued: readonly QueuedRun[] = [];
  const told: ToldRun[] = [];
  const errors = new Map<string, string>();
  const stubborn = new Set<string>();
  const living: LivingRun[] = [];
  const repositories: TickedRepository[] = [];
  const instigators = playInstigators();
  const brokenVersions = new Set<string>();
  const served = new Map<string, string>();
  /** As the reader of a process does: at once, though. */
  const follow = (location: string, dags: string | null): string | null => {
    const version = dags === null ? null : (stack.version?.(location, dags) ?? null);
    if (version !== null && !brokenVersions.has(version)) served.set(location, version);
    return version === null ? null : (served.get(location) ?? null);
  };

  const running = async (service: string): Promise<readonly Task[]> => {
    const listed = (await readPastClient(aws, "ListTasks", { cluster, serviceName: service })) as {
      readonly taskArns?: readonly string[];
    };
    const tasks = listed.taskArns ?? [];
    if (tasks.length === 0) return [];
    const described = (await readPastClient(aws, "DescribeTasks", { cluster, tasks })) as {
      readonly tasks?: readonly Task[];
    };
    return (described.tasks ?? []).filter(({ lastStatus }) => lastStatus === "RUNNING");
  };
  const containerOf = async (task: Task): Promise<ContainerDefinition | undefined> => {
    const { taskDefinition } = (await readPastClient(aws, "DescribeTaskDefinition", {
      taskDefinition: task.taskDefinitionArn,
    })) as { readonly taskDefinition?: TaskDefinition };
    const containers = taskDefinition?.containerDefinitions ?? [];
    // What compose puts in front of it ends before it begins.
    return containers.find(({ essential }) => essential !== false) ?? containers[0];
  };
  const variable = (container: ContainerDefinition | undefined, name: string): string | null =>
    container?.environment?.find((one) => one.name === name)?.value ?? null;

  /** What a webserver tells of the server of a location; of one that it loads itself it tells the module. */
  const originOf = (name: string, service: string): readonly object[] =>
    service === stack.webserver || stack.daemons.includes(service)
      ? [{ key: "module_name", value: name }]
      : [
          { key: "host", value: `${service.slice(service.indexOf("-") + 1)}.small.local` },
          { key: "port", value: "4000" },
        ];

  const entryOf = async (name: string, service: string): Promise<object> => {
    const [task] = await running(service);
    const container = task === undefined ? undefined : await containerOf(task);
    if (task === undefined || container === undefined) {
      const error = { __typename: "PythonError", message: "failed to connect to all addresses", stack: [] };
      return { name, loadStatus: "LOADED", displayMetadata: originOf(name, service), locationOrLoadError: error };
    }
    // Dagster tells the image that it was told, and loads the code whether it was told or not.
    const image = variable(container, "DAGSTER_CURRENT_IMAGE");
    const displayMetadata = [...originOf(name, service), ...(image === null ? [] : [{ key: "image", value: image }])];
    if (stack.broken.has(image ?? container.image ?? "")) {
      const error = { __typename: "PythonError", message: "ImportError: no module named nothing", stack: [] };
      return { name, loadStatus: "LOADED", displayMetadata, locationOrLoadError: error };
    }
    const repositories = [{ name: "__repository__", jobs: [{ name: "canary" }] }];
    const version = follow(name, variable(container, "DAGS") ?? variable(container, "DAGS_LIST"));
    const isServer = container.command?.includes("serve") === true;
    const id = task.taskArn?.split("/").at(-1) ?? "";
    const serverId = version !== null && isServer ? `${version}.${id}` : id;
    const folder = `/opt/dagster/dags/${name}/versions/${version ?? ""}`;
    const metadata = version === null || isServer ? [] : [{ key: "working_directory", value: folder }];
    const loaded = { __typename: "RepositoryLocation", serverId, repositories };
    return {
      name,
      loadStatus: "LOADED",
      displayMetadata: [...displayMetadata, ...metadata],
      locationOrLoadError: loaded,
    };
  };

  const launch = async (location: string, tags: LaunchedRun["tags"]): Promise<object> => {
    const [task] = await running(stack.locations[location] ?? "");
    const container = task === undefined ? undefined : await containerOf(task);
    const context = JSON.parse(variable(container, "DAGSTER_CONTAINER_CONTEXT") ?? "{}") as {
      readonly ecs?: { readonly task_definition_arn?: string };
    };
    const { tasks: started = [] } = (await readPastClient(aws, "RunTask", {
      cluster,
      taskDefinition: context.ecs?.task_definition_arn,
      launchType: "FARGATE",
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups: ["sg-1"] } },
    })) as { readonly tasks?: readonly Task[] };
    const id = `run-${runs.length + 1}`;
    runs.push({ id, taskArn: started[0]?.taskArn ?? "", tags });
    return { __typename: "LaunchRunSuccess", run: { runId: id } };
  };

  const endings = new Map<string, string>();
  const runNamed = async (id: string): Promise<object> => {
    const run = runs.find((one) => one.id === id);
    if (run === undefined) return { __typename: "RunNotFoundError", message: "no such run" };
    const { tasks = [] } = (await readPastClient(aws, "DescribeTasks", { cluster, tasks: [run.taskArn] })) as {
      readonly tasks?: readonly Task[];
    };
    const [task] = tasks;
    if (task?.lastStatus === "STOPPED") {
      const good = task.containers?.every(({ exitCode }) => exitCode === 0) === true;
      endings.set(id, good ? "SUCCESS" : "FAILURE");
    }
    // ECS forgets stopped tasks, Dagster no runs: one whose end nobody has asked for ended well.
    const status = endings.get(id) ?? (task === undefined ? "SUCCESS" : "STARTED");
    return {
      __typename: "Run",
      runId: id,
      status,
      tags: [...Object.entries(run.tags), ["ecs/task_arn", run.taskArn] as const].map(([key, value]) => ({
        key,
        value,
      })),
    };
  };

  /** Every location with what its code defines. */
  const workspace = async (contentOf: (location: string, image: string) => object): Promise<object> => {
    const entries = await Promise.all(
      Object.entries(stack.locations).map(async ([name, service]) => {
        const [task] = await running(service);
        const container = task === undefined ? undefined : await containerOf(task);
        const told = variable(container, "DAGSTER_CURRENT_IMAGE");
        const image = told ?? container?.image;
        if (image === undefined || stack.broken.has(image))
          return {
            name,
            loadStatus: "LOADED",
            displayMetadata: [],
            locationOrLoadError: { __typename: "PythonError", message: "" },
          };
        const repositories = [contentOf(name, image)];
        const displayMetadata = told === null ? [] : [{ key: "image", value: told }];
        const locationOrLoadError = { __typename: "RepositoryLocation", repositories };
        return { name, loadStatus: "LOADED", displayMetadata, locationOrLoadError };
      }),
    );
    return { workspaceOrError: { __typename: "Workspace", locationEntries: entries } };
  };

  const answers: Readonly<Record<string, (variables: never) => Promise<object>>> = {
    Locations: async () => {
      const entries = await Promise.all(
        Object.entries(stack.locations).map(([name, service]) => entryOf(name, service)),
      );
      return { workspaceOrError: { __typename: "Workspace", locationEntries: entries } };
    },
    Instigators: () => workspace((location, image) => instigators.repository(location, image)),
    Definitions: () => workspace((location, image) => instigators.definitions(location, image)),
    ...instigators.mutations,
    ReloadLocation: async ({ location }: { readonly location: string }) => {
      const service = stack.locations[location];
      if (service === undefined) return { reloadRepositoryLocation: { __typename: "RepositoryLocationNotFound" } };
      const entry = await entryOf(location, service);
      return { reloadRepositoryLocation: { ...entry, __typename: "WorkspaceLocationEntry" } };
    },
    DaemonHealth: async () => {
      const beats = (await Promise.all(stack.daemons.map(running))).flat().length > 0;
      const status = {
        daemonType: "SCHEDULER",
        required: true,
        healthy: beats,
        lastHeartbeatTime: beats ? now() / 1000 : null,
        lastHeartbeatErrors: [],
      };
      return { instance: { daemonHealth: { allDaemonStatuses: [status] } } };
    },
    LaunchRun: async ({ params }: { readonly params: LaunchParams }) => ({
      launchRun: await launch(
        params.selector.repositoryLocationName,
        Object.fromEntries(params.executionMetadata.tags.map(({ key, value }) => [key, value])),
      ),
    }),
    RunById: async ({ runId }: { readonly runId: string }) => ({ runOrError: await runNamed(runId) }),
    NewestRun: async ({
      filter,
    }: {
      readonly filter: { readonly tags: LaunchParams["executionMetadata"]["tags"] };
    }) => {
      const newest = runs.findLast((run) => filter.tags.every(({ key, value }) => run.tags[key] === value));
      const results = newest === undefined ? [] : [await runNamed(newest.id)];
      return { runsOrError: { __typename: "Runs", results } };
    },
    WaitingRuns: ({ filter, cursor, limit }: WaitingRunsVariables) => {
      const newestFirst = queued
        .filter(({ status, madeAt }) => filter.statuses.includes(status) && madeAt > (filter.createdAfter ?? 0) * 1000)
        .toReversed();
      const from = cursor === null ? 0 : newestFirst.findIndex(({ id }) => id === cursor) + 1;
      const results = newestFirst.slice(from, from + limit).map(({ id, job, location, madeAt, status }) => ({
        runId: id,
        jobName: job,
        status,
        creationTime: madeAt / 1000,
        repositoryOrigin: { repositoryLocationName: location },
      }));
      return Promise.resolve({ runsOrError: { __typename: "Runs", results } });
    },
    TerminateRuns: ({ runIds }: { readonly runIds: readonly string[] }) => {
      const ends = (id: string): boolean => runIds.includes(id) && !stubborn.has(id);
      queued = queued.map((run) => (ends(run.id) ? { ...run, status: "CANCELED" } : run));
      const terminateRunResults = runIds.map((id) =>
        ends(id)
          ? { __typename: "TerminateRunSuccess", run: { runId: id } }
          : { __typename: "TerminateRunFailure", message: `Unable to terminate run ${id}` },
      );
      return Promise.resolve({ terminateRuns: { __typename: "TerminateRunsResult", terminateRunResults } });
    },
    ActiveRuns: () => {
      const results = living.filter(({ until }) => until > now()).map((run) => ({ ...run, status: "STARTED" }));
      return Promise.resolve({ runsOrError: { __typename: "Runs", results } });
    },
    Ticks: () => Promise.resolve({ repositoriesOrError: { __typename: "RepositoryConnection", nodes: repositories } }),
    EndedRuns: () => Promise.resolve({ runsOrError: { __typename: "Runs", results: [] } }),
    RunStories: ({ filter, limit }: RunStoriesVariables) => {
      const results = told
        .filter(({ runId }) => filter.runIds?.includes(runId) !== false)
        .filter(({ status }) => filter.statuses?.includes(status) !== false)
        .filter(({ jobName }) => filter.pipelineName === undefined || filter.pipelineName === jobName)
        .filter(({ creationTime }) => creationTime < (filter.createdBefore ?? Number.POSITIVE_INFINITY));
      return Promise.resolve({ runsOrError: { __typename: "Runs", results: results.slice(0, limit) } });
    },
    RunEvents: ({ runId }: { readonly runId: string }) => {
      const message = errors.get(runId);
      const event = { __typename: "ExecutionStepFailureEvent", message, level: "ERROR", stepKey: "load" };
      const events = message === undefined ? [] : [event];
      return Promise.resolve({ logsForRun: { __typename: "EventConnection", events } });
    },
  };

  return {
    open: (signal, wire) => {
      const ask = async <T>(call: OutsideCall, answer: () => Promise<T>): Promise<T> => {
        signal.throwIfAborted();
        const asked = wire(call, async () => {
          if ((await running(stack.webserver)).length > 0) return answer();
          throw new DagsterUnreachable("connect ECONNREFUSED");
        });
        return asked.catch((error: unknown) => {
          if (error instanceof Error && "code" in error) throw new DagsterOutOfReach(error.message, { cause: error });
          throw error;
        });
      };
      return {
        ask: (document, variables = {}) => {
          const answer = answers[document.name];
          if (answer === undefined) throw new Error(`the played Dagster does not know ${document.name}`);
          const writes = document.text.startsWith("mutation") && document.name !== "ReloadLocation";
          const call = { to: "dagster", operation: document.name, about: "", writes };
          return ask(call, async () => document.answer.parse(await answer(variables as never)));
        },
        serverInfo: () =>
          ask({ to: "dagster", operation: "server_info", about: "", writes: false }, async () => {
            const [task] = await running(stack.webserver);
            const { image } = (task === undefined ? undefined : await containerOf(task)) ?? {};
            const version = stack.dagsterIn?.(image ?? "") ?? "1.13.15";
            return { dagster_webserver_version: version, dagster_version: version };
          }),
      };
    },
    broken: stack.broken,
    brokenVersions,
    runs,
    queue: (location, job) => {
      const id = `queued-${queued.length + 1}`;
      queued = [...queued, { id, location, job, madeAt: now(), status: "QUEUED" }];
      return id;
    },
    get queued() {
      return queued;
    },
    told,
    errors,
    stubborn,
    living,
    repositories,
    instigators,
  };
}

interface WaitingRunsVariables {
  readonly filter: { readonly statuses: readonly string[]; readonly createdAfter?: number };
  readonly cursor: string | null;
  readonly limit: number;
}

interface RunStoriesVariables {
  readonly filter: {
    readonly runIds?: readonly string[];
    readonly statuses?: readonly string[];
    readonly pipelineName?: string;
    readonly createdBefore?: number;
  };
  readonly limit: number;
}

interface LaunchParams {
  readonly selector: { readonly repositoryLocationName: string };
  readonly executionMetadata: { readonly tags: readonly { readonly key: string; readonly value: string }[] };
}
