import type { Dagster } from "../dagster/client.ts";
import { locations, type PythonError, reloadLocation } from "../dagster/documents.ts";
import type { Context } from "../domain/context.ts";
import { untrusted } from "../domain/evidence.ts";
import { instant } from "../domain/identifiers.ts";
import { askUntil, type GateResult } from "./gate.ts";
import { extend, judgeLocation, type LocationAnswer, type Row, tracebackTail } from "./judge.ts";

export interface LocationExpectation {
  /** Dagster's name for it. */
  readonly location: string;
  /** What its code server was told in `DAGSTER_CURRENT_IMAGE`: equal text, or it is another release. */
  readonly image: string;
  /** Seconds for which a resolver may still give an old server's address. */
  readonly nameTtlSeconds: number;
  readonly timeoutSeconds: number;
}

/**
 * Answers in a row that are not what they should be, before the webserver is told to ask its code server anew: it can hold the
 * image of an old server under the id of the new one, and then sees no change ever (https://github.com/dagster-io/dagster/issues/32216).
 */
export const patience = 3;

/**
 * Seconds for which a server of our image says that its code does not load, until that is final: a database that was away for a
 * moment while the code was imported does not take a release back.
 */
export const brokenSeconds = 30;

/** Answers in a row that are wanted: with fewer, two servers behind one name pass by luck. */
const answersWanted = 3;

/**
 * Passes when the webserver gives three answers in a row, a second apart, of one and the same server with our image, and
 * still gives it when every resolver must have forgotten older addresses. Ask it only when no older task runs.
 */
export function locationGate(dagster: Dagster, context: Context, expected: LocationExpectation): Promise<GateResult> {
  const { clock } = context;
  let row: Row | null = null;
  let last: LocationAnswer | null = null;
  let impatient = 0;
  let brokenSince: number | null = null;
  let broken: PythonError | null = null;
  return askUntil(
    context,
    { gate: "location", on: expected.location, timeoutSeconds: expected.timeoutSeconds },
    async () => {
      last = null;
      const { workspaceOrError: workspace } = await dagster.ask(locations);
      if (!("locationEntries" in workspace))
        return { waiting: `the webserver has no workspace (${workspace.__typename})` };
      last = judgeLocation(workspace.locationEntries, expected.location, expected.image);
      row = extend(row, last, clock.now());
      const wrong = last.kind === "waiting" && last.error !== null ? last : null;
      if (wrong !== null && wrong.from !== "another") broken = wrong.error;
      brokenSince = wrong?.from === "ours" ? (brokenSince ?? clock.now()) : null;
      if (brokenSince !== null && clock.now() - brokenSince >= brokenSeconds * 1000)
        return { seen: "it does not load", ...failure({ last, broken }, "it does not load", expected, clock.now()) };
      if (last.kind === "waiting") {
        impatient += 1;
        if (impatient % patience === 0) await dagster.ask(reloadLocation, { location: expected.location });
        return { waiting: last.why };
      }
      const server = `server ${last.serverId.slice(0, 8)}`;
      if (row === null || row.answers < answersWanted || clock.now() < row.since + expected.nameTtlSeconds * 1000) {
        return { waiting: `served by ${server}, asking on` };
      }
      return { seen: `${row.answers} answers of ${server} with this image`, since: row.since };
    },
    (waiting) => failure({ last, broken }, waiting, expected, clock.now()),
  );
}

interface Seen {
  readonly last: LocationAnswer | null;
  /** What was said last when it did not load, by no server of another image; null: it never was. */
  readonly broken: PythonError | null;
}

function failure(
  { last, broken }: Seen,
  waiting: string,
  { location, timeoutSeconds }: LocationExpectation,
  now: number,
): Pick<GateResult, "evidence"> & { readonly cause: NonNullable<GateResult["cause"]> } {
  if (last?.kind === "served") {
    // One server that comes and goes is not two: it serves until it dies, and is started again.
    if (broken !== null) return brokenLocation(location, broken, now);
    return {
      cause: {
        id: "location-unsteady",
        what: `Code location ${location} was served, but not by one server ${answersWanted} times in a row within ${timeoutSeconds} s: several code servers answer under its name.`,
        fix: "Let one task serve the location (count 1), or give the service the percentages 0/100.",
      },
      evidence: [],
    };
  }
  const error = last?.error ?? null;
  if (error === null) {
    return {
      cause: {
        id: "location-not-served",
        what: `Code location ${location} is not served from the new image after ${timeoutSeconds} s: ${waiting}.`,
        fix: "See the log of the webserver and of the code server.",
      },
      evidence: [],
    };
  }
  return brokenLocation(location, error, now);
}

/** @param now milliseconds since 1970 */
export function brokenLocation(
  location: string,
  error: PythonError,
  now: number,
): Pick<GateResult, "evidence"> & { readonly cause: NonNullable<GateResult["cause"]> } {
  return {
    cause: {
      id: "location-broken",
      what: `Code location ${location} does not load.`,
      fix: "Mend what the traceback names; `dagster definitions validate` finds it before a push.",
    },
    evidence: [
      { kind: "graphql", at: instant(now), subject: `location ${location}`, text: untrusted(tracebackTail(error)) },
    ],
  };
}
