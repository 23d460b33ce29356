/** A schedule or sensor as some code defines it. */
export interface DefinedInstigator {
  readonly kind: "schedule" | "sensor";
  readonly location: string;
  readonly name: string;
  readonly defaultStatus?: "RUNNING" | "STOPPED";
  /** Of a schedule; once a day unless told. */
  readonly cron?: string;
  /** Does the code of this image have it? Unless told, all has. */
  readonly in?: (image: string) => boolean;
}

/** What is stored of one, whether code has it or not: by location, kind and name. */
export interface StoredState {
  /** null: nobody has turned it on or off. */
  readonly status: "RUNNING" | "STOPPED" | null;
  readonly cursor: string | null;
}

/**
 * Schedules and sensors of a played Dagster. What is stored outlives the code that has defined it, as it does in Dagster's database;
 * the tests on a real Dagster show that.
 */
export interface PlayedInstigators {
  /** What code defines; a test adds to it. */
  readonly defined: DefinedInstigator[];
  /** What somebody does in Dagster: turns one on or off, or sets a cursor. */
  set(one: Pick<DefinedInstigator, "kind" | "location" | "name">, state: Partial<StoredState>): void;
  /** What is stored now; a state that nobody has made is all null. */
  stored(one: Pick<DefinedInstigator, "kind" | "location" | "name">): StoredState;
  /** Does the code of this image define a job? Unless a test says otherwise, all does. */
  hasJobs: (image: string) => boolean;
  /** A repository as GraphQL has it. */
  repository(location: string, image: string): object;
  /** The same with what they do, which is nothing that differs. */
  definitions(location: string, image: string): object;
  readonly mutations: Readonly<Record<string, (variables: never) => Promise<object>>>;
}

interface Selector {
  readonly repositoryLocationName: string;
  readonly scheduleName?: string;
  readonly sensorName?: string;
}

export function playInstigators(): PlayedInstigators {
  const defined: DefinedInstigator[] = [];
  const states = new Map<string, StoredState>();
  type Key = Pick<DefinedInstigator, "kind" | "location" | "name">;
  const keyOf = ({ kind, location, name }: Key): string => `${location}/${kind}/${name}`;
  const stored = (one: Key): StoredState => states.get(keyOf(one)) ?? { status: null, cursor: null };
  const set = (one: Key, state: Partial<StoredState>): void =>
    void states.set(keyOf(one), { ...stored(one), ...state });
  const stateOf = (one: DefinedInstigator): object => {
    const { status, cursor } = stored(one);
    const typeSpecificData = one.kind === "sensor" && cursor !== null ? { lastCursor: cursor } : null;
    return { id: keyOf(one), status: status ?? one.defaultStatus ?? "STOPPED", typeSpecificData };
  };
  const selected = ({ repositoryLocationName: location, scheduleName, sensorName }: Selector): Key =>
    scheduleName === undefined
      ? { kind: "sensor", location, name: sensorName ?? "" }
      : { kind: "schedule", location, name: scheduleName };
  const keyed = (id: string): Key => {
    const [location = "", kind, name = ""] = id.split("/");
    return { kind: kind === "schedule" ? "schedule" : "sensor", location, name };
  };
  const changed = (__typename: string): Promise<object> => Promise.resolve({ changed: { __typename } });
  const bySelector =
    (typename: string, state: Partial<StoredState>) =>
    ({ selector }: { readonly selector: Selector }) => {
      set(selected(selector), state);
      return changed(typename);
    };
  const byId =
    (typename: string) =>
    ({ id }: { readonly id: string }) => {
      set(keyed(id), { status: "STOPPED" });
      return changed(typename);
    };
  const played: PlayedInstigators = {
    defined,
    set,
    stored,
    hasJobs: () => true,
    repository: (location, image) => {
      const own = defined.filter((one) => one.location === location && (one.in?.(image) ?? true));
      const common = (one: DefinedInstigator): object => ({
        name: one.name,
        defaultStatus: one.defaultStatus ?? "STOPPED",
        canReset: stored(one).status !== null,
      });
      return {
        name: "__repository__",
        jobs: played.hasJobs(image) ? [{ name: "canary" }] : [],
        schedules: own.flatMap((one) =>
          one.kind === "schedule"
            ? [{ ...common(one), cronSchedule: one.cron ?? "0 3 * * *", scheduleState: stateOf(one) }]
            : [],
        ),
        sensors: own.flatMap((one) => (one.kind === "sensor" ? [{ ...common(one), sensorState: stateOf(one) }] : [])),
      };
    },
    definitions: (location, image) => {
      const own = defined.filter((one) => one.location === location && (one.in?.(image) ?? true));
      const named = (kind: DefinedInstigator["kind"]): readonly string[] =>
        own.flatMap((one) => (one.kind === kind ? [one.name] : []));
      return {
        name: "__repository__",
        jobs: played.hasJobs(image) ? [{ name: "canary" }] : [],
        schedules: named("schedule").map((name) => {
          return { name, pipelineName: "canary", cronSchedule: "0 3 * * *", executionTimezone: null };
        }),
        sensors: named("sensor").map((name) => ({
          name,
          sensorType: "STANDARD",
          targets: [{ pipelineName: "canary" }],
        })),
        assetNodes: [],
      };
    },
    mutations: {
      StartSchedule: bySelector("ScheduleStateResult", { status: "RUNNING" }),
      StopSchedule: byId("ScheduleStateResult"),
      ResetSchedule: bySelector("ScheduleStateResult", { status: null }),
      StartSensor: bySelector("Sensor", { status: "RUNNING" }),
      StopSensor: byId("StopSensorMutationResult"),
      ResetSensor: bySelector("Sensor", { status: null }),
      SetSensorCursor: ({ selector, cursor }: { readonly selector: Selector; readonly cursor: string | null }) => {
        set(selected(selector), { cursor });
        return changed("Sensor");
      },
    },
  };
  return played;
}
