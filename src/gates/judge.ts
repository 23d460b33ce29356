import type { DaemonStatus, LocationEntry, PythonError } from "../dagster/documents.ts";

/** What one answer says of a code location. */
export type LocationAnswer =
  | { readonly kind: "served"; readonly serverId: string }
  /** Not there yet, or not the one: `why` is for people. */
  | {
      readonly kind: "waiting";
      readonly why: string;
      readonly error: PythonError | null;
      /** The answer comes from a server of our image. */
      readonly isOurs: boolean;
    };

/**
 * Is this location loaded, from exactly this image? Both are read from one answer: a webserver that hears two servers behind
 * one name gives the image of one and the error of the other (https://github.com/dagster-io/dagster/issues/13016).
 */
export function judgeLocation(entries: readonly LocationEntry[], location: string, image: string): LocationAnswer {
  const entry = entries.find(({ name }) => name === location);
  if (entry === undefined) {
    const others = entries.map(({ name }) => name).join(", ");
    return waiting(`the workspace has no location ${location}${others === "" ? "" : `, only ${others}`}`);
  }
  const loaded = entry.locationOrLoadError;
  if (loaded === null || entry.loadStatus !== "LOADED") return waiting("it is loading");
  // A broken location is LOADED too: only the type of what was loaded tells.
  const served = entry.displayMetadata.find(({ key }) => key === "image")?.value;
  if (loaded.__typename === "PythonError") return waiting("it does not load", loaded, served === image);
  if (served === undefined) return waiting("it is loaded, from a server that names no image");
  if (served !== image) return waiting(`it is loaded from another image, ${served}`);
  return loaded.serverId === null ? waiting("its server names no id") : { kind: "served", serverId: loaded.serverId };
}

function waiting(why: string, error: PythonError | null = null, isOurs = false): LocationAnswer {
  return { kind: "waiting", why, error, isOurs };
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

/** The last lines of a traceback, and the message below it: of the deepest cause, where the error began. */
export function tracebackTail(error: PythonError, lines = 12): string {
  const { stack, message } = error.causes.at(-1) ?? error;
  const last = stack.join("").trimEnd().split("\n").slice(-lines);
  return [...last, message.trimEnd()].filter((line) => line !== "").join("\n");
}
