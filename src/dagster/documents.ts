import * as z from "zod";
import type { Document } from "./client.ts";
import { instigatorDocuments } from "./instigators.ts";

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

const locationEntry = z.object({
  name: z.string(),
  loadStatus: z.string(),
  displayMetadata: z.array(z.object({ key: z.string(), value: z.string() })),
  locationOrLoadError: z
    .discriminatedUnion("__typename", [
      z.object({
        __typename: z.literal("RepositoryLocation"),
        serverId: z.string().nullable(),
        repositories: z.array(z.object({ name: z.string(), jobs: z.array(z.object({ name: z.string() })) })),
      }),
      pythonError.extend({ __typename: z.literal("PythonError") }),
    ])
    .nullable(),
});

/** One code location as a webserver has it. A broken one reads `loadStatus: LOADED` too: the union tells. */
export type LocationEntry = z.infer<typeof locationEntry>;

const unexpected = z.object({ __typename: z.string(), message: z.string().optional() });

export const locations: Document<{
  readonly workspaceOrError:
    | { readonly __typename: "Workspace"; readonly locationEntries: readonly LocationEntry[] }
    | z.infer<typeof unexpected>;
}> = {
  name: "Locations",
  text: `query Locations {
  workspaceOrError {
    __typename
    ... on Workspace {
      locationEntries {
        name loadStatus
        displayMetadata { key value }
        locationOrLoadError {
          __typename
          ... on RepositoryLocation { serverId repositories { name jobs { name } } }
          ... on PythonError { ${errorFields} }
        }
      }
    }
    ... on PythonError { message }
  }
}`,
  answer: z.object({
    workspaceOrError: z.union([
      z.object({ __typename: z.literal("Workspace"), locationEntries: z.array(locationEntry) }),
      unexpected,
    ]),
  }),
};

const reloaded = z.object({ __typename: z.string(), message: z.string().optional() });

/** Lets a webserver ask a code location anew. Its answer says whether it did, not whether the location is well. */
export const reloadLocation: Document<{ readonly reloadRepositoryLocation: z.infer<typeof reloaded> }> = {
  name: "ReloadLocation",
  text: `mutation ReloadLocation($location: String!) {
  reloadRepositoryLocation(repositoryLocationName: $location) {
    __typename
    ... on ReloadNotSupported { message }
    ... on RepositoryLocationNotFound { message }
    ... on UnauthorizedError { message }
    ... on PythonError { message }
  }
}`,
  answer: z.object({ reloadRepositoryLocation: reloaded }),
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

export const runById: Document<{ readonly runOrError: Run | z.infer<typeof unexpected> }> = {
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
  readonly runsOrError:
    | { readonly __typename: "Runs"; readonly results: readonly Listed[] }
    | z.infer<typeof unexpected>;
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
    | z.infer<typeof unexpected>;
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
  readonly terminateRuns: z.infer<typeof terminatedRuns> | z.infer<typeof unexpected>;
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
  /** Of failed steps, runs, resources and launches. */
  error: pythonError.nullish(),
});
const eventConnection = z.object({ __typename: z.literal("EventConnection"), events: z.array(runEvent) });

export const runEvents: Document<{
  readonly logsForRun: z.infer<typeof eventConnection> | z.infer<typeof unexpected>;
}> = {
  name: "RunEvents",
  text: `query RunEvents($runId: ID!) {
  logsForRun(runId: $runId, limit: 1000) {
    __typename
    ... on EventConnection {
      events {
        __typename
        ... on MessageEvent { message level }
        ... on ErrorEvent { error { ${errorFields} } }
      }
    }
    ... on RunNotFoundError { message }
    ... on PythonError { message }
  }
}`,
  answer: z.object({ logsForRun: z.union([eventConnection, unexpected]) }),
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
  terminateRuns,
  runEvents,
  ...instigatorDocuments,
];
