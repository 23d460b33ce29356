import type { Dagster } from "../dagster/client.ts";
import { type LocationEntry, locations, type PythonError, reloadLocation } from "../dagster/documents.ts";
import type { Context } from "../domain/context.ts";
import { untrusted } from "../domain/evidence.ts";
import { instant } from "../domain/identifiers.ts";
import { type Asked, type Attempt, askUntil, type GateResult } from "./gate.ts";
import { tracebackTail, type Waiting } from "./judge.ts";

/**
 * Answers in a row that are not what they should be, before the webserver is told to load the location anew. It does not try by
 * itself again what it could not load; and it can hold the image of an old server under the id of the new one, and then sees no
 * change ever (https://github.com/dagster-io/dagster/issues/32216).
 */
const patience = 3;

/**
 * Seconds for which a process of our image says that its code does not load, until that is final: a database that was away for a
 * moment while the code was imported does not take a release back.
 */
const brokenSeconds = 30;

/** Answers in a row that a location gate wants: with fewer, two processes behind one name pass by luck. */
export const answersWanted = 3;

/**
 * Wants answers that are good one after another: behind a load balancer each may be of another task.
 * @param seen what was seen then, for people
 */
export function goodInARow<Good extends { readonly kind: string }>(
  { clock }: Pick<Context, "clock">,
  seen: (answers: number) => string,
): Judge<Good>["enough"] {
  let row = { answers: 0, since: 0 };
  return (_answer, previous) => {
    row =
      previous === null || isWaiting(previous)
        ? { answers: 1, since: clock.now() }
        : { ...row, answers: row.answers + 1 };
    if (row.answers < answersWanted) return { waiting: "it is loaded, asking on" };
    return { seen: seen(row.answers), since: row.since };
  };
}

/** What a gate makes of the answers of a workspace. */
export interface Judge<Good extends { readonly kind: string }> {
  readonly judge: (entries: readonly LocationEntry[]) => Good | Waiting;
  /**
   * @param previous answer; null: nobody gave one
   * @param askedAt when this one was asked for, in milliseconds since 1970: it is no older
   */
  readonly enough: (answer: Good, previous: Good | Waiting | null, askedAt: number) => Attempt | Promise<Attempt>;
  /** What it means that the time is over. @param last answer; null: nobody gave one */
  readonly failed: (waiting: string, last: Good | Waiting | null) => Failure;
}

export type Failure = Pick<GateResult, "evidence"> & { readonly cause: NonNullable<GateResult["cause"]> };

/**
 * Asks the webserver for one of its locations, until what it says is enough, or the location is broken for good.
 * @param gate `reloads`: it is told to load the location anew, when it is not as it should be
 */
export function askWorkspace<Good extends { readonly kind: string }>(
  dagster: Dagster,
  context: Context,
  gate: Asked & { readonly reloads: boolean },
  { judge, enough, failed }: Judge<Good>,
): Promise<GateResult> {
  const { clock } = context;
  let last: Good | Waiting | null = null;
  let waits = 0;
  let brokenSince: number | null = null;
  return askUntil(
    context,
    gate,
    async () => {
      const previous = last;
      last = null;
      const askedAt = clock.now();
      const { workspaceOrError: workspace } = await dagster.ask(locations);
      if (!("locationEntries" in workspace))
        return { waiting: `the webserver has no workspace (${workspace.__typename})` };
      const answer = judge(workspace.locationEntries);
      last = answer;
      if (!isWaiting(answer)) {
        brokenSince = null;
        return enough(answer, previous, askedAt);
      }
      const { why, error, from } = answer;
      brokenSince = error !== null && from === "ours" ? (brokenSince ?? clock.now()) : null;
      if (error !== null && brokenSince !== null && clock.now() - brokenSince >= brokenSeconds * 1000)
        return { seen: why, ...brokenLocation(gate.on, error, clock.now()) };
      waits += 1;
      if (gate.reloads && waits % patience === 0) await dagster.ask(reloadLocation, { location: gate.on });
      return { waiting: why };
    },
    (waiting) => failed(waiting, last),
  );
}

function isWaiting(answer: { readonly kind: string }): answer is Waiting {
  return answer.kind === "waiting";
}

/** Source: dagster/_core/errors.py; gRPC's own words are in the message of what it was raised from. */
function isUnreachable({ className, causes }: PythonError): boolean {
  const rpc = causes.find((cause) => cause.className === "_InactiveRpcError");
  return className === "DagsterUserCodeUnreachableError" && rpc?.message.includes("StatusCode.UNAVAILABLE") === true;
}

/** @param now milliseconds since 1970 */
export function brokenLocation(location: string, error: PythonError, now: number): Failure {
  return {
    cause: isUnreachable(error)
      ? {
          id: "location-unreachable",
          what: `The webserver does not reach the code server of location ${location}.`,
          fix: "See the code server's log: it must run, and listen on 0.0.0.0 at the port that the workspace names. Its name must resolve in the VPC, and its security group let the webserver and the daemon in.",
        }
      : {
          id: "location-broken",
          what: `Code location ${location} does not load.`,
          fix: "Mend what the traceback names; `dagster definitions validate` finds it before a push.",
        },
    evidence: [
      { kind: "graphql", at: instant(now), subject: `location ${location}`, text: untrusted(tracebackTail(error)) },
    ],
  };
}
