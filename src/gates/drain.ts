import { type Dagster, DagsterUnreachable } from "../dagster/client.ts";
import { type ActiveRun, activeRuns } from "../dagster/documents.ts";
import type { Context } from "../domain/context.ts";
import type { Cause } from "../domain/verdict.ts";

export interface DrainExpectation {
  /** Keys of the services in which the runs live. */
  readonly holders: readonly string[];
  /** So long at most. */
  readonly minutes: number;
}

export interface Drained {
  /** null: no run is under way. */
  readonly cause: Cause | null;
  /** For people. */
  readonly seen: string;
}

/** Milliseconds between two looks: the daemon takes runs from its queue every five seconds (`dequeue_interval_seconds`). */
const pause = 5_000;

/**
 * Looks without a run that are wanted, one after another. While the queue holds runs that the daemon can start, one of them shows a
 * run; when nothing takes from the queue, what waits there is not waited for: it survives.
 */
const quietLooks = 3;

/** So long a webserver that does not answer is asked at least, in milliseconds. */
const unansweredPatience = 60_000;

/** Runs that are named in one line. */
const mostNamed = 5;

/**
 * Waits until no run has a process, and says which it waits for. Nothing keeps new ones from starting: what starts after the last
 * look ends with the process that it lives in.
 * @throws UserError as Dagster's client does
 */
export async function drain(dagster: Dagster, context: Context, expected: DrainExpectation): Promise<Drained> {
  const { clock, report, signal } = context;
  const begun = clock.now();
  const most = expected.minutes * 60_000;
  let said = "";
  let quiet = 0;
  for (;;) {
    const look = await lookForRuns(dagster);
    quiet = look.kind === "runs" && look.runs.length === 0 ? quiet + 1 : 0;
    const spent = clock.now() - begun;
    if (quiet >= quietLooks) return { cause: null, seen: `no run is under way, after ${Math.round(spent / 1000)} s` };
    if (quiet === 0) {
      const line = look.kind === "runs" ? `waiting for ${named(look.runs)}` : look.why;
      if (line !== said) report({ kind: "line", text: `drain: ${line}` });
      said = line;
      if (look.kind === "runs" && spent >= most) return { cause: stillRunning(look.runs, expected), seen: line };
      if (look.kind === "unanswered" && spent >= Math.max(most, unansweredPatience))
        return { cause: unanswered(look.why, expected), seen: line };
    }
    await clock.sleep(pause, signal);
  }
}

type Look =
  | { readonly kind: "runs"; readonly runs: readonly ActiveRun[] }
  | { readonly kind: "unanswered"; readonly why: string };

async function lookForRuns(dagster: Dagster): Promise<Look> {
  try {
    const { runsOrError: known } = await dagster.ask(activeRuns);
    if ("results" in known) return { kind: "runs", runs: known.results };
    return { kind: "unanswered", why: `runs cannot be listed: ${known.__typename}` };
  } catch (error) {
    if (error instanceof DagsterUnreachable) return { kind: "unanswered", why: error.message };
    throw error;
  }
}

function named(runs: readonly ActiveRun[]): string {
  const some = runs.slice(0, mostNamed).map(({ runId, jobName, status }) => `run ${runId} of ${jobName} (${status})`);
  const more = runs.length - some.length;
  return `${some.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function stillRunning(runs: readonly ActiveRun[], { holders, minutes }: DrainExpectation): Cause {
  return {
    id: "runs-not-over",
    what: `After ${minutes} min there are still runs, which this release would end with ${holders.join(" and ")}: ${named(runs)}.`,
    fix: "Deploy when they are over, or end them in Dagster (a run whose process is gone can be marked as canceled there); `runs: drain-minutes` says how long a deploy waits. Runs that are tasks of their own (`launcher: ecs`) are not ended by a deploy.",
  };
}

function unanswered(why: string, { holders }: DrainExpectation): Cause {
  return {
    id: "runs-unknown",
    what: `Nobody tells whether runs are under way, which this release would end with ${holders.join(" and ")}: ${why}.`,
    fix: "Mend the webserver first. When it is broken, and runs may be ended, give its service a count of 0: a release does not wait for runs then.",
  };
}
