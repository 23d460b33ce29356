import * as z from "zod";
import type { Document } from "./client.ts";
import { definitionDocuments } from "./definitions.ts";
import { instigatorDocuments } from "./instigators.ts";
import { runStories } from "./run-story.ts";
import { askEvery, entryOf, fieldsOf, unexpected, type Unexpected } from "./workspace.ts";

const exception = z.object({
  message: z.string(),
  className: z.string().nullish(),
  stack: z.array(z.string()).default([]),
});

/**
 * What Dagster says of an error; `stack` are the lines of a Python traceback. `causes` are what it was raised from, the deepest
 * one last: an error of user code is the cause of one of Dagster's. Source: dagster_graphql/schema/errors.py
 */
const pythonError = exception.extend({ causes: z.array(exception).default([]) });
export type PythonError = z.infer<typeof pythonError>;

const errorFields = "message className stack causes { message className stack }";

const locationEntry = entryOf(
  {
    serverId: z.string().nullable(),
    repositories: z.array(z.object({ name: z.string(), jobs: z.array(z.object({ name: z.string() })) })),
  },
  pythonError.shape,
);

/** One code location as a webserver has it. A broken one reads `loadStatus: LOADED` too: the union tells. */
export type LocationEntry = z.infer<typeof locationEntry>;

/** A job, as `PipelineSelector` names it. */
export interface JobSelector {
  readonly repositoryLocationName: string;
  readonly repositoryName: string;
  readonly pipelineName: string;
}

/** As `AssetKeyInput` names it. */
export interface AssetKey {
  readonly path: readonly string[];
}

export const locations = askEvery<LocationEntry>(
  "Locations",
  { location: "serverId repositories { name jobs { name } }", error: errorFields },
  locationEntry,
);

const reloadedEntry = entryOf({}, pythonError.shape);

/** A code location as its server told it right now. */
export type ReloadedEntry = z.infer<typeof reloadedEntry>;

/**
 * Lets a webserver ask a code location anew: its answer is what the code server said, or why it was not asked. What a loaded location
 * holds is not asked for: Dagster reads that from what it had before, and fails when that was broken.
 * Source: ReloadRepositoryLocationMutation in dagster_graphql/schema/roots/mutation.py
 */
export const reloadLocation: Document<{
  readonly reloadRepositoryLocation: (ReloadedEntry & { readonly __typename: "WorkspaceLocationEntry" }) | Unexpected;
}> = {
  name: "ReloadLocation",
  text: `mutation ReloadLocation($location: String!) {
  reloadRepositoryLocation(repositoryLocationName: $location) {
    __typename
    ... on WorkspaceLocationEntry {
        ${fieldsOf({ location: "__typename", error: errorFields })}
    }
    ... on ReloadNotSupported { message }
    ... on RepositoryLocationNotFound { message }
    ... on UnauthorizedError { message }
    ... on PythonError { message }
  }
}`,
  answer: z.object({
    reloadRepositoryLocation: z.union([
      reloadedEntry.extend({ __typename: z.literal("WorkspaceLocationEntry") }),
      unexpected,
    ]),
  }),
};

const daemonStatus = z.object({
  daemonType: z.string(),
  required: z.boolean(),
  healthy: z.boolean().nullable(),
  /** Seconds since 1970, of the last heartbeat of any daemon. */
  lastHeartbeatTime: z.number().nullable(),
  lastHeartbeatErrors: z.array(z.object({ message: z.string() })),
});
export type DaemonStatus = z.infer<typeof daemonStatus>;

export const daemonHealth: Document<{
  readonly instance: { readonly daemonHealth: { readonly allDaemonStatuses: readonly DaemonStatus[] } };
}> = {
  name: "DaemonHealth",
  text: `query DaemonHealth {
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy lastHeartbeatTime lastHeartbeatErrors { message } } } }
}`,
  answer: z.object({ instance: z.object({ daemonHealth: z.object({ allDaemonStatuses: z.array(daemonStatus) }) }) }),
};

const refused = z.object({
  __typename: z.string(),
  message: z.string().optional(),
  className: z.string().nullish(),
  errors: z.array(z.object({ message: z.string() })).optional(),
});

export const launchRun: Document<{
  readonly launchRun:
    | { readonly __typename: "LaunchRunSuccess"; readonly run: { readonly runId: string } }
    | z.infer<typeof refused>;
}> = {
  name: "LaunchRun",
  text: `mutation LaunchRun($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PipelineNotFoundError { message }
    ... on InvalidSubsetError { message }
    ... on UnauthorizedError { message }
    ... on PythonError { message className }
  }
}`,
  answer: z.object({
    launchRun: z.union([
      z.object({ __typename: z.literal("LaunchRunSuccess"), run: z.object({ runId: z.string() }) }),
      refused,
    ]),
  }),
};

const run = z.object({
  __typename: z.literal("Run"),
  runId: z.string(),
  status: z.string(),
  tags: z.array(z.object({ key: z.string(), value: z.string() })),
});
export type Run = z.infer<typeof run>;

export const runById: Document<{ readonly runOrError: Run | Unexpected }> = {
  name: "RunById",
  text: `query RunById($runId: ID!) {
  runOrError(runId: $runId) {
    __typename
    ... on Run { runId status tags { key value } }
    ... on RunNotFoundError { message }
    ... on PythonError { message }
  }
}`,
  answer: z.object({ runOrError: z.union([run, unexpected]) }),
};

/** An answer that lists runs. */
interface RunsAnswer<Listed> {
  readonly runsOrError: { readonly __typename: "Runs"; readonly results: readonly Listed[] } | Unexpected;
}

function runsAnswer<Listed>(listed: z.ZodType<Listed>): z.ZodType<RunsAnswer<Listed>> {
  const runs = z.object({ __typename: z.literal("Runs"), results: z.array(listed) });
  return z.object({ runsOrError: z.union([runs, unexpected]) });
}

/** @param fields of a run @returns what is selected of `runsOrError` */
function runsSelection(fields: string): string {
  return `{
    __typename
    ... on Runs { results { ${fields} } }
    ... on InvalidPipelineRunsFilterError { message }
    ... on PythonError { message }
  }`;
}

/** The newest run that a filter (`RunsFilter`) lets through. */
export const newestRun: Document<RunsAnswer<Run>> = {
  name: "NewestRun",
  text: `query NewestRun($filter: RunsFilter!) {
  runsOrError(filter: $filter, limit: 1) ${runsSelection("__typename runId status tags { key value }")}
}`,
  answer: runsAnswer(run),
};

const activeRun = z.object({ runId: z.string(), jobName: z.string(), status: z.string() });
/** A run that is under way. */
export type ActiveRun = z.infer<typeof activeRun>;

/** The newest hundred runs that have a process, or are about to get or to lose one. */
export const activeRuns: Document<RunsAnswer<ActiveRun>> = {
  name: "ActiveRuns",
  text: `query ActiveRuns {
  runsOrError(filter: { statuses: [STARTING, STARTED, CANCELING] }, limit: 100) ${runsSelection("runId jobName status")}
}`,
  answer: runsAnswer(activeRun),
};

/** Seconds since 1970. `timestamp`: when it was due; `endTimestamp`: when it was over, null as long as it is under way. */
const tick = z.object({ timestamp: z.number(), endTimestamp: z.number().nullish() });
export type Tick = z.infer<typeof tick>;

const tickedSchedule = z.object({
  name: z.string(),
  scheduleState: z.object({ status: z.string(), ticks: z.array(tick) }),
  futureTicks: z.object({ results: z.array(z.object({ timestamp: z.number().nullish() })) }),
});
export type TickedSchedule = z.infer<typeof tickedSchedule>;

const tickedRepository = z.object({
  schedules: z.array(tickedSchedule),
  sensors: z.array(z.object({ name: z.string(), sensorState: z.object({ ticks: z.array(tick) }) })),
});
export type TickedRepository = z.infer<typeof tickedRepository>;

/**
 * The last ticks before a moment, and when each schedule was due since another one; both in seconds since 1970. `futureTicks`
 * begins at its cursor, which may be past (dagster_graphql/schema/schedules/schedules.py).
 * Of a schedule's ticks a new daemon can have made up for five: more are asked for.
 */
export const ticks: Document<{
  readonly repositoriesOrError:
    | { readonly __typename: "RepositoryConnection"; readonly nodes: readonly TickedRepository[] }
    | Unexpected;
}> = {
  name: "Ticks",
  text: `query Ticks($since: Float!, $until: Float!) {
  repositoriesOrError {
    __typename
    ... on RepositoryConnection {
      nodes {
        schedules {
          name
          scheduleState { status ticks(beforeTimestamp: $until, limit: 10) { timestamp endTimestamp } }
          futureTicks(cursor: $since, until: $until, limit: 100) { results { timestamp } }
        }
        sensors { name sensorState { ticks(beforeTimestamp: $until, limit: 5) { timestamp endTimestamp } } }
      }
    }
    ... on PythonError { message }
  }
}`,
  answer: z.object({
    repositoriesOrError: z.union([
      z.object({ __typename: z.literal("RepositoryConnection"), nodes: z.array(tickedRepository) }),
      unexpected,
    ]),
  }),
};

const waitingRun = z.object({
  runId: z.string(),
  jobName: z.string(),
  status: z.string(),
  /** Seconds since 1970. */
  creationTime: z.number(),
  /** null: of a job that no location has. */
  repositoryOrigin: z.object({ repositoryLocationName: z.string() }).nullable(),
});
export type WaitingRun = z.infer<typeof waitingRun>;

/** Runs that a filter (`RunsFilter`) lets through, newest first; `cursor` is the id of the last one that was seen. */
export const waitingRuns: Document<RunsAnswer<WaitingRun>> = {
  name: "WaitingRuns",
  text: `query WaitingRuns($filter: RunsFilter!, $cursor: String, $limit: Int!) {
  runsOrError(filter: $filter, cursor: $cursor, limit: $limit) ${runsSelection("runId jobName status creationTime repositoryOrigin { repositoryLocationName }")}
}`,
  answer: runsAnswer(waitingRun),
};

const endedRun = z.object({
  /** Seconds since 1970; null: it never came so far. */
  creationTime: z.number(),
  startTime: z.number().nullish(),
  endTime: z.number().nullish(),
  tags: z.array(z.object({ key: z.string(), value: z.string() })),
  repositoryOrigin: z.object({ repositoryLocationName: z.string() }).nullable(),
});
/** A run that is over. */
export type EndedRun = z.infer<typeof endedRun>;

/** The newest runs that a filter (`RunsFilter`) lets through, with when they began and ended. */
export const endedRuns: Document<RunsAnswer<EndedRun>> = {
  name: "EndedRuns",
  text: `query EndedRuns($filter: RunsFilter!, $limit: Int!) {
  runsOrError(filter: $filter, limit: $limit) ${runsSelection("creationTime startTime endTime tags { key value } repositoryOrigin { repositoryLocationName }")}
}`,
  answer: runsAnswer(endedRun),
};

const terminated = z.object({
  __typename: z.string(),
  message: z.string().optional(),
  run: z.object({ runId: z.string() }).optional(),
});
const terminatedRuns = z.object({
  __typename: z.literal("TerminateRunsResult"),
  terminateRunResults: z.array(terminated),
});

/**
 * Ends runs: one that waits in the queue is only marked, one that has started is stopped. What is not in the queue
 * yet, or about to get its process, is refused (`CANCELABLE_RUN_STATUSES` of dagster/_core/storage/dagster_run.py).
 */
export const terminateRuns: Document<{
  readonly terminateRuns: z.infer<typeof terminatedRuns> | Unexpected;
}> = {
  name: "TerminateRuns",
  text: `mutation TerminateRuns($runIds: [String!]!) {
  terminateRuns(runIds: $runIds, terminatePolicy: SAFE_TERMINATE) {
    __typename
    ... on TerminateRunsResult {
      terminateRunResults {
        __typename
        ... on TerminateRunSuccess { run { runId } }
        ... on TerminateRunFailure { message }
        ... on RunNotFoundError { message }
        ... on UnauthorizedError { message }
        ... on PythonError { message }
      }
    }
    ... on PythonError { message }
  }
}`,
  answer: z.object({ terminateRuns: z.union([terminatedRuns, unexpected]) }),
};

const runEvent = z.object({
  __typename: z.string(),
  message: z.string().optional(),
  level: z.string().optional(),
  stepKey: z.string().nullish(),
  /** Of failed steps, runs, resources and launches. */
  error: pythonError.nullish(),
});
const eventConnection = z.object({ __typename: z.literal("EventConnection"), events: z.array(runEvent) });

export const runEvents: Document<{
  readonly logsForRun: z.infer<typeof eventConnection> | Unexpected;
}> = {
  name: "RunEvents",
  text: `query RunEvents($runId: ID!) {
  logsForRun(runId: $runId, limit: 1000) {
    __typename
    ... on EventConnection {
      events {
        __typename
        ... on MessageEvent { message level stepKey }
        ... on ErrorEvent { error { ${errorFields} } }
      }
    }
    ... on RunNotFoundError { message }
    ... on PythonError { message }
  }
}`,
  answer: z.object({ logsForRun: z.union([eventConnection, unexpected]) }),
};

const assetsEntry = entryOf(
  {
    repositories: z.array(
      z.object({ assetNodes: z.array(z.object({ assetKey: z.object({ path: z.array(z.string()) }) })) }),
    ),
  },
  {},
);

/** A code location with the keys of its assets. */
export type AssetsEntry = z.infer<typeof assetsEntry>;

/** Every asset that code defines, below the location that has it; those that are only observed or named as a source, too. */
export const assets = askEvery<AssetsEntry>(
  "Assets",
  { location: "repositories { assetNodes { assetKey { path } } }", error: "__typename" },
  assetsEntry,
);

const assetNode = z.object({
  isMaterializable: z.boolean(),
  /** null: it has no partitions. */
  partitionDefinition: z.object({ description: z.string() }).nullable(),
});
export type AssetNode = z.infer<typeof assetNode>;

/** An asset as a job has it (`PipelineSelector`); none: the job does not make it. */
export const assetOfJob: Document<{ readonly assetNodes: readonly AssetNode[] }> = {
  name: "AssetOfJob",
  text: `query AssetOfJob($job: PipelineSelector!, $asset: AssetKeyInput!) {
  assetNodes(pipeline: $job, assetKeys: [$asset]) { isMaterializable partitionDefinition { description } }
}`,
  answer: z.object({ assetNodes: z.array(assetNode) }),
};

function jobAnswer<Job>(job: z.ZodType<Job>): z.ZodType<JobAnswer<Job>> {
  return z.object({ pipelineOrError: z.union([z.object({ __typename: z.literal("Pipeline") }).and(job), unexpected]) });
}

/** An answer about one job. */
interface JobAnswer<Job> {
  readonly pipelineOrError: ({ readonly __typename: "Pipeline" } & Job) | Unexpected;
}

/** @param fields of a job @returns what is selected of `pipelineOrError` */
function jobSelection(fields: string): string {
  return `{
    __typename
    ... on Pipeline { ${fields} }
    ... on PipelineNotFoundError { message }
    ... on InvalidSubsetError { message }
    ... on PythonError { message }
  }`;
}

/**
 * The partitions of a job, or of some assets in it, oldest first; with a limit the last ones. Of time windows it has those that are
 * over. An empty list: it has none.
 */
export const partitionKeys: Document<
  JobAnswer<{ readonly partitionKeysOrError: { readonly partitionKeys: readonly string[] } }>
> = {
  name: "PartitionKeys",
  text: `query PartitionKeys($job: PipelineSelector!, $assets: [AssetKeyInput!], $limit: Int) {
  pipelineOrError(params: $job) ${jobSelection(
    "partitionKeysOrError(limit: $limit, reverse: true, selectedAssetKeys: $assets) { partitionKeys }",
  )}
}`,
  answer: jobAnswer(z.object({ partitionKeysOrError: z.object({ partitionKeys: z.array(z.string()) }) })),
};

const partitionOf = z.object({
  runConfigOrError: z.union([z.object({ __typename: z.literal("PartitionRunConfig"), yaml: z.string() }), unexpected]),
  tagsOrError: z.union([
    z.object({
      __typename: z.literal("PartitionTags"),
      results: z.array(z.object({ key: z.string(), value: z.string() })),
    }),
    unexpected,
  ]),
});

/** What a run of one partition is launched with: config, as YAML, and tags. */
export const partitionRun: Document<JobAnswer<{ readonly partition: z.infer<typeof partitionOf> | null }>> = {
  name: "PartitionRun",
  text: `query PartitionRun($job: PipelineSelector!, $assets: [AssetKeyInput!], $partition: String!) {
  pipelineOrError(params: $job) ${jobSelection(`partition(partitionName: $partition, selectedAssetKeys: $assets) {
        runConfigOrError { __typename ... on PartitionRunConfig { yaml } ... on PythonError { message } }
        tagsOrError { __typename ... on PartitionTags { results { key value } } ... on PythonError { message } }
      }`)}
}`,
  answer: jobAnswer(z.object({ partition: partitionOf.nullable() })),
};

const capture = z.object({ __typename: z.string(), fileKey: z.string().optional() });
const captures = z.object({ __typename: z.literal("EventConnection"), events: z.array(capture) });

/** What of a run's output is captured: the file key of each process, which with the run's id makes its log key. */
export const capturedFiles: Document<{ readonly logsForRun: z.infer<typeof captures> | Unexpected }> = {
  name: "CapturedFiles",
  text: `query CapturedFiles($runId: ID!) {
  logsForRun(runId: $runId, limit: 1000) {
    __typename
    ... on EventConnection { events { __typename ... on LogsCapturedEvent { fileKey } } }
    ... on RunNotFoundError { message }
    ... on PythonError { message }
  }
}`,
  answer: z.object({ logsForRun: z.union([captures, unexpected]) }),
};

/** Where the compute log manager keeps what was captured under a log key: `s3://…`, or a path; null: nowhere (yet). */
export const capturedLogs: Document<{
  readonly capturedLogsMetadata: { readonly stdoutLocation: string | null; readonly stderrLocation: string | null };
}> = {
  name: "CapturedLogs",
  text: `query CapturedLogs($logKey: [String!]!) {
  capturedLogsMetadata(logKey: $logKey) { stdoutLocation stderrLocation }
}`,
  answer: z.object({
    capturedLogsMetadata: z.object({ stdoutLocation: z.string().nullable(), stderrLocation: z.string().nullable() }),
  }),
};

/** Every document, for the test that holds them against Dagster's schema. */
export const documents: readonly Document<unknown>[] = [
  locations,
  reloadLocation,
  daemonHealth,
  launchRun,
  runById,
  newestRun,
  activeRuns,
  ticks,
  waitingRuns,
  endedRuns,
  terminateRuns,
  runEvents,
  assets,
  assetOfJob,
  partitionKeys,
  partitionRun,
  capturedFiles,
  capturedLogs,
  runStories,
  ...instigatorDocuments,
  ...definitionDocuments,
];
