import type {
  DaemonStatus,
  LocationEntry,
  PythonError,
  ReloadedEntry,
  Tick,
  TickedRepository,
  TickedSchedule,
} from "../dagster/documents.ts";

/** A location that is not there yet, or not the one. */
export interface Waiting {
  readonly kind: "waiting";
  /** For people. */
  readonly why: string;
  readonly error: PythonError | null;
  /** Of which image the process is that the error comes from. */
  readonly from: "ours" | "another" | "unknown";
}

/** What one answer says of a code location. */
export type LocationAnswer = { readonly kind: "served"; readonly serverId: string } | Waiting;

/**
 * Is this location loaded, from exactly this image? Both are read from one answer: a webserver that hears two servers behind
 * one name gives the image of one and the error of the other (https://github.com/dagster-io/dagster/issues/13016).
 */
export function judgeLocation(entries: readonly LocationEntry[], location: string, image: string): LocationAnswer {
  const entry = entries.find(({ name }) => name === location);
  if (entry === undefined) return waiting(missing(entries, location));
  const loaded = entry.locationOrLoadError;
  if (loaded === null || entry.loadStatus !== "LOADED") return waiting("it is loading");
  // A broken location is LOADED too: only the type of what was loaded tells.
  const served = imageOf(entry);
  if (loaded.__typename === "PythonError") {
    const from = served === undefined ? "unknown" : served === image ? "ours" : "another";
    return waiting("it does not load", loaded, from);
  }
  if (served === undefined) return waiting("it is loaded, from a server that names no image");
  if (served !== image) return waiting(`it is loaded from another image, ${served}`);
  return loaded.serverId === null ? waiting("its server names no id") : { kind: "served", serverId: loaded.serverId };
}

/** What a location's own server says when it is asked anew. @returns null when it is loaded, from this image */
export function judgeReloaded(entry: ReloadedEntry, image: string): Waiting | null {
  const loaded = entry.locationOrLoadError;
  if (loaded === null || entry.loadStatus !== "LOADED") return waiting("it is loading");
  const served = imageOf(entry);
  if (loaded.__typename === "PythonError")
    return waiting(
      "it does not load",
      loaded,
      served === undefined ? "unknown" : served === image ? "ours" : "another",
    );
  return served === image ? null : waiting(`it is loaded from another image, ${served ?? "which it does not name"}`);
}

function waiting(why: string, error: PythonError | null = null, from: Waiting["from"] = "unknown"): Waiting {
  return { kind: "waiting", why, error, from };
}

/** What one answer says of a location that the webserver loads itself. */
export type LoadedAnswer = { readonly kind: "loaded" } | Waiting;

/**
 * Is this location loaded by a webserver of this image? Which image its tasks run is proved by ECS, and each of them loads by
 * itself, so that servers may answer in turn; one that names another image is still an older one.
 */
export function judgeLoaded(entries: readonly LocationEntry[], location: string, image: string): LoadedAnswer {
  const entry = entries.find(({ name }) => name === location);
  if (entry === undefined) return waiting(missing(entries, location));
  const loaded = entry.locationOrLoadError;
  if (loaded === null || entry.loadStatus !== "LOADED") return waiting("it is loading");
  if (loaded.__typename === "PythonError") return waiting("it does not load", loaded, "ours");
  const named = imageOf(entry);
  return named === undefined || named === image
    ? { kind: "loaded" }
    : waiting(`it is loaded from another image, ${named}`);
}

/**
 * Is this location loaded from a version of code that lies in S3? Of a code server its id begins with the version; of a location that
 * the webserver loads itself, the folder has the version's name. Source: docker/dag-reader
 */
export function judgeVersion(entries: readonly LocationEntry[], location: string, version: string): LoadedAnswer {
  const entry = entries.find(({ name }) => name === location);
  if (entry === undefined) return waiting(missing(entries, location));
  const loaded = entry.locationOrLoadError;
  if (loaded === null || entry.loadStatus !== "LOADED") return waiting("it is loading");
  const folder = entry.displayMetadata.find(({ key }) => key === "working_directory")?.value;
  const inFolder = /\/versions\/([0-9a-f]{40})\/?$/.exec(folder ?? "")?.[1];
  if (loaded.__typename === "PythonError")
    return waiting(
      "it does not load",
      loaded,
      inFolder === undefined ? "unknown" : inFolder === version ? "ours" : "another",
    );
  const served = inFolder ?? /^([0-9a-f]{40})\./.exec(loaded.serverId ?? "")?.[1];
  if (served === version) return { kind: "loaded" };
  return waiting(
    served === undefined
      ? "it is loaded, and says no version: no reader of ours serves it"
      : `version ${served.slice(0, 12)} is loaded`,
  );
}

function missing(entries: readonly LocationEntry[], location: string): string {
  const others = entries.map(({ name }) => name).join(", ");
  return `the workspace has no location ${location}${others === "" ? "" : `, only ${others}`}`;
}

function imageOf({ displayMetadata }: Pick<LocationEntry, "displayMetadata">): string | undefined {
  return displayMetadata.find(({ key }) => key === "image")?.value;
}

/** Answers of one server, one after another. */
export interface Row {
  readonly serverId: string;
  readonly answers: number;
  /** Milliseconds since 1970 of its first answer. */
  readonly since: number;
}

/** The row after one more answer: anything but the same server again breaks it. */
export function extend(row: Row | null, answer: LocationAnswer, now: number): Row | null {
  if (answer.kind === "waiting") return null;
  if (row === null || row.serverId !== answer.serverId) return { serverId: answer.serverId, answers: 1, since: now };
  return { ...row, answers: row.answers + 1 };
}

/**
 * The daemons that have not been heard of since a moment. `healthy` says nothing here: it tolerates half an hour of silence,
 * and counts heartbeats of an older daemon.
 * @param since seconds since 1970
 */
export function silentDaemons(statuses: readonly DaemonStatus[], since: number): readonly string[] {
  return statuses
    .filter(({ required, lastHeartbeatTime }) => required && (lastHeartbeatTime ?? 0) <= since)
    .map(({ daemonType }) => daemonType);
}

/** What became of the ticks while one daemon was handed over to another. */
export interface HandedOver {
  /** Seconds since 1970 of the last tick before the new one was started; null when there was none. */
  readonly lastTick: number | null;
  /** Schedules that were due, and have not ticked for it: how often each. */
  readonly missed: readonly { readonly schedule: string; readonly times: number }[];
}

/**
 * A schedule of which no tick of the former daemon is known is not counted: since when it is on, nothing tells.
 * @param started seconds since 1970, of the new daemon
 */
export function judgeHandover(repositories: readonly TickedRepository[], started: number): HandedOver {
  const schedules = repositories.flatMap((repository) => repository.schedules);
  const all = [
    ...schedules.map(({ scheduleState }) => scheduleState),
    ...repositories.flatMap(({ sensors }) => sensors.map(({ sensorState }) => sensorState)),
  ].flatMap(({ ticks }) => ticks);
  return {
    lastTick: lastOfFormer(all, started),
    missed: schedules.flatMap((schedule) => {
      const times = missedTicks(schedule, started);
      return times === 0 ? [] : [{ schedule: schedule.name, times }];
    }),
  };
}

/**
 * A new daemon makes up for the newest of the missing ticks; for five, when a schedule has partitions. Source:
 * dagster/_scheduler/scheduler.py
 */
function missedTicks({ scheduleState, futureTicks }: TickedSchedule, started: number): number {
  const last = lastOfFormer(scheduleState.ticks, started);
  if (scheduleState.status !== "RUNNING" || last === null) return 0;
  const ticked = new Set(scheduleState.ticks.map(({ timestamp }) => timestamp));
  const due = futureTicks.results.flatMap(({ timestamp }) => timestamp ?? []);
  return due.filter((timestamp) => timestamp > last && timestamp < started && !ticked.has(timestamp)).length;
}

/** One that the new daemon makes up for was due before it was started; it is over after that, or still under way. */
function lastOfFormer(ticks: readonly Tick[], started: number): number | null {
  const former = ticks.flatMap(({ timestamp, endTimestamp }) =>
    typeof endTimestamp === "number" && endTimestamp < started ? [timestamp] : [],
  );
  return former.length === 0 ? null : Math.max(...former);
}

/** The last lines of a traceback, and the message below it: of the deepest cause, where the error began. */
export function tracebackTail(error: PythonError, lines = 12): string {
  const { stack, message } = error.causes.at(-1) ?? error;
  const last = stack.join("").trimEnd().split("\n").slice(-lines);
  return [...last, message.trimEnd()].filter((line) => line !== "").join("\n");
}
