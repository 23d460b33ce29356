import { type Dagster, DagsterUnreachable } from "../dagster/client.ts";
import { terminateRuns, type WaitingRun, waitingRuns } from "../dagster/documents.ts";
import type { Context } from "../domain/context.ts";
import { messageOf } from "../domain/errors.ts";
import { type Untrusted, untrusted } from "../domain/evidence.ts";
import type { Finding } from "../domain/finding.ts";
import type { Release } from "../domain/release.ts";
import { sameRevision } from "../domain/verdict.ts";
import { type Stack, withLevels } from "../stack/index.ts";
import { dayOf } from "./checks.ts";
import { locationsServedBy, runOf } from "./hosts.ts";
import { movedOf, type Observation, switchedEarlier } from "./observation.ts";
import type { Session } from "./session.ts";

/** What is done about runs that wait in the queue, when the code that they will run is taken back. */
export type QueuedRunsChoice = "keep" | "cancel";

/**
 * Since when a location's runs were made by code that does not serve any more, in milliseconds since 1970, by the location's name.
 * A run keeps the image that its location had when it was made (dagster_aws/ecs/launcher.py): going back does not reach it.
 */
export type BadSince = Readonly<Record<string, number>>;

/** Runs that waited in the queue, and what became of them. */
export interface QueuedRuns {
  readonly choice: QueuedRunsChoice;
  /** Newest first. */
  readonly runs: readonly QueuedRun[];
  /** Why they were not looked at, or not ended, to the end; null: they were. */
  readonly why: Untrusted | null;
}

export interface QueuedRun {
  readonly id: Untrusted;
  readonly job: Untrusted;
  readonly location: string;
  readonly cancelled: boolean;
}

/** Runs that are named one by one in the log; the others are counted. */
const shownRuns = 20;

/**
 * Locations whose runs start from another definition in the one release than in the other, or from another version of code in S3:
 * that one a run keeps, wherever it lives.
 */
export function locationsThatDiffer(stack: Stack, bad: Release, good: Release): readonly string[] {
  const { runs } = stack;
  const ofDags = Object.entries(bad.dags).flatMap(([location, { version, releasedBy }]) =>
    releasedBy === "stack" && version !== good.dags[location]?.version ? [location] : [],
  );
  if (runs.kind !== "ecs") return ofDags; // other runs in a process take the code that is there when they begin
  const ofDefinitions = Object.values(runs.definitions).flatMap(({ location }) => {
    const definition = `run/${runOf(stack, location)?.key ?? ""}`;
    const theirs = bad.taskDefinitions[definition];
    return theirs === undefined || sameRevision(theirs, good.taskDefinitions[definition] ?? null) ? [] : [location];
  });
  return [...new Set([...ofDefinitions, ...ofDags])];
}

/**
 * Since when locations are not as in an earlier release: back from what is current, as long as each release differs from that one;
 * and where a release that was cut has moved them, since that was begun.
 * @throws UserError, AwsError
 */
export async function badSince(session: Session, observation: Observation, to: Release): Promise<BadSince> {
  const { journal, stack, currentRelease } = session;
  const since: Record<string, number> = { ...movedSince(session, observation) };
  let differing = currentRelease === null ? [] : locationsThatDiffer(stack, currentRelease, to);
  let release = currentRelease;
  for (let read = 0; release !== null && differing.length > 0 && read < farthest; read += 1) {
    const { id, base }: Release = release;
    const intent = await journal.intent(id);
    if (intent !== null) for (const location of differing) since[location] = Date.parse(intent.at);
    release = base === null ? null : ((await journal.outcome(base))?.release ?? null);
    const former = release === null ? [] : locationsThatDiffer(stack, release, to);
    differing = differing.filter((location) => former.includes(location));
  }
  return since;
}

/**
 * Lists the runs that wait and will run code which was taken back, and ends them when that is asked for. Never throws: what goes
 * wrong here is told, and changes nothing about how the release ended.
 * @param dagster null: no webserver has an address that can be asked
 * @returns null when there are none
 */
export async function settleQueuedRuns(
  context: Context,
  stack: Stack,
  dagster: Dagster | null,
  since: BadSince,
  choice: QueuedRunsChoice,
): Promise<QueuedRuns | null> {
  if (dagster === null || Object.keys(since).length === 0) return null;
  const found: WaitingRun[] = [];
  const ended = new Set<string>();
  let why: string | null = null;
  try {
    await listRuns(context, dagster, since, found);
    if (choice === "cancel") why = await endRuns(context, dagster, found, ended);
  } catch (error) {
    why = messageOf(error);
  }
  if (found.length === 0 && why === null) return null;
  const queued: QueuedRuns = {
    choice,
    runs: found.map(({ runId, jobName, repositoryOrigin }) => ({
      id: untrusted(runId),
      job: untrusted(jobName),
      location: repositoryOrigin?.repositoryLocationName ?? "",
      cancelled: ended.has(runId),
    })),
    why: why === null ? null : untrusted(why),
  };
  tell(context, stack, queued);
  return queued;
}

function movedSince({ stack, unfinished }: Session, observation: Observation): BadSince {
  const since = Math.min(...unfinished.map(({ intent }) => Date.parse(intent.at)));
  const moved = stack.runs.kind === "ecs" ? movedOf(stack, observation).flatMap(({ service }) => service ?? []) : [];
  const locations = [...moved.flatMap(locationsServedBy), ...switchedEarlier(observation)];
  return Object.fromEntries(locations.map((location) => [location, since]));
}

/** Releases that are looked back through. */
const farthest = 20;
const pageSize = 100;
const mostPages = 10;
/** Each is a write to the database of the webserver that answers: few enough for one answer's time. */
const endedAtOnce = 20;
const tries = 3;
const pauseMilliseconds = 2000;

/** Page after page, until the cursor has come to the last. @throws as Dagster's client does; Error when Dagster does not list them */
async function listRuns(context: Context, dagster: Dagster, since: BadSince, found: WaitingRun[]): Promise<void> {
  const createdAfter = Math.min(...Object.values(since)) / 1000;
  const filter = { statuses: ["QUEUED", "NOT_STARTED"], createdAfter };
  let cursor: string | null = null;
  for (let page = 0; page < mostPages; page += 1) {
    const variables: Readonly<Record<string, unknown>> = { filter, cursor, limit: pageSize };
    const { runsOrError: answer } = await patiently(context, () => dagster.ask(waitingRuns, variables));
    if (!("results" in answer)) throw new Error(`Dagster does not list its runs: ${answer.__typename}`);
    found.push(...answer.results.filter((run) => isBad(run, since)));
    if (answer.results.length < pageSize) return;
    cursor = answer.results.at(-1)?.runId ?? null;
  }
  throw new Error(`more than ${mostPages * pageSize} runs wait: the older ones were not looked at`);
}

function isBad({ repositoryOrigin, creationTime }: WaitingRun, since: BadSince): boolean {
  const location = repositoryOrigin?.repositoryLocationName ?? "";
  return Object.hasOwn(since, location) && creationTime * 1000 >= (since[location] ?? Infinity);
}

/** @returns why some were not ended; null: all were */
async function endRuns(
  context: Context,
  dagster: Dagster,
  found: readonly WaitingRun[],
  ended: Set<string>,
): Promise<string | null> {
  let why: string | null = null;
  for (let at = 0; at < found.length; at += endedAtOnce) {
    const runIds = found.slice(at, at + endedAtOnce).map(({ runId }) => runId);
    const { terminateRuns: answer } = await patiently(context, () => dagster.ask(terminateRuns, { runIds }));
    if (!("terminateRunResults" in answer)) throw new Error(answer.message ?? answer.__typename);
    for (const { run, message, __typename } of answer.terminateRunResults) {
      if (run === undefined) why ??= message ?? __typename;
      else ended.add(run.runId);
    }
  }
  return why;
}

/** A webserver that does not answer for a moment is weather. */
async function patiently<T>({ clock, signal }: Context, ask: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof DagsterUnreachable) || tried === tries) throw error;
      await clock.sleep(pauseMilliseconds, signal);
    }
  }
}

function tell({ report, clock }: Context, stack: Stack, { runs, why, choice }: QueuedRuns): void {
  report({ kind: "stage", title: "Queued runs of the code that was taken back" });
  for (const { id, job, location, cancelled } of runs.slice(0, shownRuns)) {
    const text = untrusted(`${id.untrusted} of job ${job.untrusted} in ${location}`);
    report({ kind: "foreign", from: cancelled ? "cancelled" : "waits", text });
  }
  if (runs.length > shownRuns) report({ kind: "line", text: `and ${runs.length - shownRuns} more` });
  if (why !== null) report({ kind: "foreign", from: "not all was done", text: why });
  const waiting = runs.filter(({ cancelled }) => !cancelled).length;
  const finding = findingOf(stack, waiting, why !== null, choice);
  if (finding === null) return;
  for (const levelled of withLevels([finding], stack.checks, dayOf(clock.now())))
    report({ kind: "finding", finding: levelled });
}

function findingOf({ file }: Stack, waiting: number, isPartial: boolean, choice: QueuedRunsChoice): Finding | null {
  if (waiting === 0 && !isPartial) return null;
  const known = waiting === 1 ? "1 run waits" : `${waiting} runs wait`;
  const partial = choice === "cancel" ? "Not all could be cancelled." : "Not all could be looked at.";
  return {
    id: "queued-runs",
    level: "warning",
    where: file,
    what: `${known} in the queue and will run code that was taken back.${isPartial ? ` ${partial}` : ""}`,
    fix: "Cancel those in Dagster that must not run; the input `queued-runs: cancel` does so by itself.",
  };
}
