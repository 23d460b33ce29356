import * as z from "zod";
import type { Document } from "./client.ts";
import { askEvery, entryOf, unexpected, type Unexpected } from "./workspace.ts";

const status = z.enum(["RUNNING", "STOPPED"]);

const state = z.object({
  /** What mutations that stop it want. */
  id: z.string(),
  status,
  typeSpecificData: z.object({ lastCursor: z.string().nullish() }).nullish(),
});

const schedule = z.object({
  name: z.string(),
  cronSchedule: z.string(),
  defaultStatus: status,
  canReset: z.boolean(),
  scheduleState: state,
});
const sensor = z.object({ name: z.string(), defaultStatus: status, canReset: z.boolean(), sensorState: state });

const entry = entryOf(
  {
    repositories: z.array(
      z.object({
        name: z.string(),
        /** Those that Dagster makes of assets are among them. */
        jobs: z.array(z.object({ name: z.string() })),
        schedules: z.array(schedule),
        sensors: z.array(sensor),
      }),
    ),
  },
  {},
);

/** A code location with its jobs, schedules and sensors. */
export type InstigatorEntry = z.infer<typeof entry>;

/**
 * Every schedule and sensor, below the location that has it: what does not load is told apart from what has none. `repositoriesOrError`
 * leaves broken locations out without a word.
 */
export const instigators = askEvery<InstigatorEntry>(
  "Instigators",
  {
    location: `repositories {
            name
            jobs { name }
            schedules { name cronSchedule defaultStatus canReset scheduleState { id status } }
            sensors {
              name defaultStatus canReset
              sensorState { id status typeSpecificData { ... on SensorData { lastCursor } } }
            }
          }`,
    error: "__typename",
  },
  entry,
);

/** What changes the state of one: its answer says whether it did. */
export type StateChange = Document<{ readonly changed: Unexpected }>;

function stateChange(name: string, variables: string, field: string, good: string): StateChange {
  return {
    name,
    text: `mutation ${name}(${variables}) {
  changed: ${field} {
    __typename
    ... on ${good} { __typename }
    ... on UnauthorizedError { message }
    ... on PythonError { message }
  }
}`,
    answer: z.object({ changed: unexpected }),
  };
}

/** What one is known by; `id` is that of its state. */
export const startSchedule = stateChange(
  "StartSchedule",
  "$selector: ScheduleSelector!",
  "startSchedule(scheduleSelector: $selector)",
  "ScheduleStateResult",
);
export const stopSchedule = stateChange(
  "StopSchedule",
  "$id: String!",
  "stopRunningSchedule(id: $id)",
  "ScheduleStateResult",
);
export const resetSchedule = stateChange(
  "ResetSchedule",
  "$selector: ScheduleSelector!",
  "resetSchedule(scheduleSelector: $selector)",
  "ScheduleStateResult",
);
export const startSensor = stateChange(
  "StartSensor",
  "$selector: SensorSelector!",
  "startSensor(sensorSelector: $selector)",
  "Sensor",
);
export const stopSensor = stateChange("StopSensor", "$id: String!", "stopSensor(id: $id)", "StopSensorMutationResult");
export const resetSensor = stateChange(
  "ResetSensor",
  "$selector: SensorSelector!",
  "resetSensor(sensorSelector: $selector)",
  "Sensor",
);
export const setSensorCursor = stateChange(
  "SetSensorCursor",
  "$selector: SensorSelector!, $cursor: String",
  "setSensorCursor(sensorSelector: $selector, cursor: $cursor)",
  "Sensor",
);

/** What a change that was made answers. */
export function isChanged({ changed }: { readonly changed: { readonly __typename: string } }): boolean {
  return ["ScheduleStateResult", "Sensor", "StopSensorMutationResult"].includes(changed.__typename);
}

const instigatorTick = z.object({
  /** Seconds since 1970. */
  timestamp: z.number(),
  status: z.string(),
  error: z.object({ message: z.string(), stack: z.array(z.string()).default([]) }).nullish(),
});
/** `status` is Dagster's `InstigationTickStatus`: STARTED, SKIPPED, SUCCESS, FAILURE. */
export type InstigatorTick = z.infer<typeof instigatorTick>;

/** The last ticks of one sensor, newest first. */
export const sensorTicks: Document<{
  readonly sensorOrError:
    | { readonly __typename: "Sensor"; readonly sensorState: { readonly ticks: readonly InstigatorTick[] } }
    | Unexpected;
}> = {
  name: "SensorTicks",
  text: `query SensorTicks($selector: SensorSelector!) {
  sensorOrError(sensorSelector: $selector) {
    __typename
    ... on Sensor { sensorState { ticks(limit: 20) { timestamp status error { message stack } } } }
    ... on SensorNotFoundError { message }
    ... on UnauthorizedError { message }
    ... on PythonError { message }
  }
}`,
  answer: z.object({
    sensorOrError: z.union([
      z.object({ __typename: z.literal("Sensor"), sensorState: z.object({ ticks: z.array(instigatorTick) }) }),
      unexpected,
    ]),
  }),
};

/** The last ticks of one schedule, newest first, and when it is due next, in seconds since 1970. */
export const scheduleTicks: Document<{
  readonly scheduleOrError:
    | {
        readonly __typename: "Schedule";
        readonly scheduleState: { readonly ticks: readonly InstigatorTick[] };
        readonly futureTicks: { readonly results: readonly { readonly timestamp?: number | null | undefined }[] };
      }
    | Unexpected;
}> = {
  name: "ScheduleTicks",
  text: `query ScheduleTicks($selector: ScheduleSelector!) {
  scheduleOrError(scheduleSelector: $selector) {
    __typename
    ... on Schedule {
      scheduleState { ticks(limit: 20) { timestamp status error { message stack } } }
      futureTicks(limit: 1) { results { timestamp } }
    }
    ... on ScheduleNotFoundError { message }
    ... on PythonError { message }
  }
}`,
  answer: z.object({
    scheduleOrError: z.union([
      z.object({
        __typename: z.literal("Schedule"),
        scheduleState: z.object({ ticks: z.array(instigatorTick) }),
        futureTicks: z.object({ results: z.array(z.object({ timestamp: z.number().nullish() })) }),
      }),
      unexpected,
    ]),
  }),
};

/** Every document of these, for the test that holds them against Dagster's schema. */
export const instigatorDocuments: readonly Document<unknown>[] = [
  instigators,
  startSchedule,
  stopSchedule,
  resetSchedule,
  startSensor,
  stopSensor,
  resetSensor,
  setSensorCursor,
  sensorTicks,
  scheduleTicks,
];
