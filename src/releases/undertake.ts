import { guarded } from "../aws/send.ts";
import type { Dagster } from "../dagster/client.ts";
import type { ServiceNetwork } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import { Cancelled, messageOf, RolloutFailed, UserError } from "../domain/errors.ts";
import { bySeverity, type Finding } from "../domain/finding.ts";
import { instant } from "../domain/identifiers.ts";
import type { Outcome, OutcomeKind } from "../domain/journal.ts";
import type { Part, Plan, Step } from "../domain/plan.ts";
import { migratedBy, type Release, samePins } from "../domain/release.ts";
import type { CopyObservation, ImageClients, ImageObservation } from "../images/index.ts";
import type { Stack } from "../stack/index.ts";
import { withLevels } from "../stack/index.ts";
import { checkCredentials, dayOf } from "./checks.ts";
import { abandon } from "./history.ts";
import { locationsServedBy } from "./hosts.ts";
import { uncarried } from "./limits.ts";
import { type HeldLock, isLost } from "./lock.ts";
import { nameIn, type Observation, successorOf } from "./observation.ts";
import { taskNetwork } from "./observe.ts";
import {
  type BadSince,
  locationsThatDiffer,
  type QueuedRuns,
  type QueuedRunsChoice,
  settleQueuedRuns,
} from "./queued-runs.ts";
import {
  movesOf,
  outcomeHead,
  PlanRefused,
  ReleaseCancelled,
  ReleaseFailed,
  ReleaseLost,
  type Result,
  resultOf,
  resultOfPlan,
  type Told,
  wordsOf,
} from "./result.ts";
import { type RolloutEnd, rollOut, type StepEnd, stepsOfParts, withParts } from "./rollout.ts";
import type { Session } from "./session.ts";
import { carryOut, StepFailed, type Workshop } from "./steps.ts";
import { type Moved, type TakenBack, takeAllBack } from "./take-back.ts";

/** A plan that is to be carried out. */
export interface Undertaking {
  readonly command: Outcome["command"];
  readonly plan: Plan;
  readonly observation: Observation;
  readonly images: {
    readonly clients: ImageClients;
    readonly observations: Readonly<Record<string, ImageObservation>>;
    readonly copies: Readonly<Record<string, CopyObservation>>;
  };
  /** The parts of it that are carried out here. */
  readonly parts: readonly Part[];
  /** Steps that were carried out before, and belong to the same story. */
  readonly earlier: readonly StepEnd[];
  /** What becomes of runs in the queue when their code is taken back; `since`: what going back itself leaves behind. */
  readonly queued: { readonly choice: QueuedRunsChoice; readonly since: BadSince };
}

/**
 * Carries out a plan, or the parts of it that are this action's. With the last part the release is committed; after a failure what
 * moved is taken back.
 * @param lock null for parts that write to nothing which others share
 * @throws ReleaseFailed, ReleaseCancelled; PlanRefused and UserError when nothing was written
 */
export async function undertake(
  context: Context,
  session: Session,
  lock: HeldLock | null,
  undertaking: Undertaking,
): Promise<Result> {
  const { plan, parts } = undertaking;
  const isLast = parts.includes("rollout");
  const { mine, missing } = stepsOfParts(plan.steps, parts);
  // What is not looked at after a release is said by who ends it.
  const findings = plan.findings.filter(({ id }) => isLast || id !== "not-checked");
  refuse(
    context,
    { ...plan, findings: [...findings, ...ofCredentials(context, session, mine)] },
    undertaking.observation,
  );
  if (missing.length > 0) throw partsMissing(missing.map(({ part }) => part));
  const begun = isBegun(session, plan);
  // What an interrupted release has moved is not released until it is committed, although nothing is left to do.
  const commits = isLast && (begun || mine.length > 0 || plan.moved.length > 0 || !isCurrent(session, plan));
  if (mine.length === 0 && !commits) {
    await leave(context, session, lock, plan);
    const release = (isLast ? session.currentRelease : null) ?? plan.target;
    return resultOf(tell(session, undertaking, { steps: [], failure: null, release }, "Nothing to do"));
  }
  if (lock !== null) await begin(context, session, lock, undertaking);
  let movedAt: number | null = null;
  const end = await rollOut(mine, plan.target, context, async (step, results, release) => {
    if (step.kind === "roll") movedAt ??= context.clock.now();
    const done = await carryOut(workshop(context, session, lock, undertaking, release), step, results);
    // What was done to a database cannot be seen from outside: an attempt that goes on from here must know.
    if (step.kind === "run-task" && lock !== null) await session.journal.note(withParts(release, done.parts));
    return done;
  });
  if (end.failure !== null) throw await failed(context, session, lock, undertaking, end, movedAt);
  if (lock === null || !isLast) {
    if (lock !== null) await session.journal.note(end.release);
    lock?.handOn();
    return resultOf(tell(session, undertaking, end, "Done, as far as this action goes"));
  }
  try {
    await commit(context, session, lock, undertaking, end);
  } catch (error) {
    if (isLost(error)) throw lost(error, session, undertaking, end);
    throw uncommitted(asError(error), tell(session, undertaking, end, "Rolled out, and not recorded"));
  }
  const queued = await settleLeftBehind(context, session, undertaking, undertaking.queued.since);
  return resultOf({ ...tell(session, undertaking, end, goodTitle(undertaking), "committed"), queued });
}

/** With nothing to do: to the next step of this job, if it has begun something; else what was cut before it moved anything is closed. */
async function leave({ clock }: Context, session: Session, lock: HeldLock | null, plan: Plan): Promise<void> {
  if (lock === null) return;
  if (isBegun(session, plan)) return lock.handOn();
  await abandon(session.journal, session.unfinished, { owner: session.request.owner, now: clock.now() });
  lock.settled();
  await lock.giveBack();
}

/**
 * Findings are shown; an error ends it before anything is written.
 * @throws PlanRefused
 */
export function refuse({ report }: Context, plan: Plan, observation: Observation): void {
  const errors = plan.findings.filter(({ level }) => level === "error");
  const [first, ...others] = errors;
  const shown: readonly Finding[] = [...bySeverity(plan.findings).filter(({ level }) => level !== "error"), ...others];
  for (const finding of shown) report({ kind: "finding", finding });
  if (first !== undefined) throw new PlanRefused(first, resultOfPlan(plan, observation));
}

/**
 * What this version does not carry out is told before anything is looked at: there is no plan for it.
 * @throws UserError
 */
export function refuseUncarried({ report }: Context, stack: Stack): void {
  const [first, ...others] = uncarried(stack);
  for (const finding of others) report({ kind: "finding", finding });
  if (first !== undefined) throw new UserError(first);
}

/** Not of the plan: that one may be carried out by another job, with other credentials. */
function ofCredentials({ clock }: Context, { stack, request }: Session, steps: readonly Step[]): readonly Finding[] {
  const now = clock.now();
  return withLevels(checkCredentials(request.job.credentialsEndAt, steps, now), stack.checks, dayOf(now));
}

function tell(
  session: Session,
  { plan, observation, earlier }: Undertaking,
  end: RolloutEnd,
  title: string,
  outcome: OutcomeKind | null = null,
  takenBack: readonly TakenBack[] = [],
): Told {
  return { title, plan, observation, end, earlier, outcome, takenBack, queued: null, session };
}

function goodTitle({ command, plan, observation }: Undertaking): string {
  const { stack, environment, source } = plan.target;
  if (command === "deploy") return `Released ${stack} to ${environment}`;
  const from = observation.current === null ? "" : ` from ${observation.current.source.sha.slice(0, 12)}`;
  return `Rolled ${stack} in ${environment} back${from} to ${source.sha.slice(0, 12)}`;
}

/** An earlier step of this job, or an attempt of this run that was cut, has written its intent. */
function isBegun({ unfinished }: Session, { target }: Plan): boolean {
  return unfinished.some(({ intent, outcome }) => outcome === null && intent.release.id === target.id);
}

/** Is what the plan leads to what the current release says already? Under another contract it is looked at anew, and recorded. */
function isCurrent({ currentRelease }: Session, { target }: Plan): boolean {
  if (currentRelease === null || !samePins(currentRelease, target)) return false;
  return currentRelease.contract === null || currentRelease.contract === target.contract;
}

/** The action that makes a part, for those who left it out. */
const actionOf: Readonly<Record<Part, string>> = {
  images: "build-push-image",
  migrations: "run-migrations",
  definitions: "register-task-def",
  rollout: "deploy-service",
};

function partsMissing(parts: readonly Part[]): UserError {
  const actions = [...new Set(parts)].map((part) => actionOf[part]).join(" and ");
  return new UserError({
    what: `This step builds on what ${actions} makes, and that is not there.`,
    where: "order of the steps of this job",
    fix: `Run ${actions} before it, and pass its output \`release\` on; or use the root action, which does all of it.`,
  });
}

/** Notes what is to be done before any of it is, and closes what was cut: this release goes on from it. */
async function begin(
  { clock }: Context,
  session: Session,
  lock: HeldLock,
  { command, plan, observation }: Undertaking,
): Promise<void> {
  const { journal, request, unfinished } = session;
  const now = clock.now();
  const cut = unfinished.filter(({ intent }) => intent.release.id !== plan.target.id);
  if (!isBegun(session, plan)) {
    await lock.begin(plan.target.id);
    await journal.begin({
      schema: 1,
      kind: "intent",
      command,
      release: plan.target,
      before: { ...observation.before },
      continues: cut.map(({ intent }) => intent.release.id),
      owner: request.owner,
      at: instant(now),
    });
  }
  await abandon(journal, cut, { owner: request.owner, now });
}

function workshop(
  context: Context,
  session: Session,
  lock: HeldLock | null,
  { images, observation, plan }: Undertaking,
  release: Release,
): Workshop {
  const { stack, clients, request } = session;
  return {
    stack,
    clients: { ...clients, ecs: guarded(clients.ecs, async () => lock?.check()) },
    images: images.clients,
    imageObservations: images.observations,
    copyObservations: images.copies,
    imageKeys: Object.fromEntries(Object.entries(observation.images).map(([key, { contentKey }]) => [key, contentKey])),
    context,
    dagster: webserverOf(context, session),
    network: (): Promise<ServiceNetwork> => taskNetwork(clients, stack.contract, stack.file),
    release,
    attempt: request.owner.attempt,
    handedOver: handedOverBy(plan),
  };
}

/** What is stopped by a plan, or was by the release that it goes on from: names of ECS services, by the key of their successor. */
function handedOverBy({ steps, moved }: Plan): Workshop["handedOver"] {
  const now = steps.flatMap((step) => {
    const successor = step.kind === "stop" ? successorOf(step.service) : null;
    return step.kind === "stop" && successor !== null ? [[successor, step.name] as const] : [];
  });
  const earlier = moved.flatMap(({ service, undo }) => {
    const successor = successorOf(service);
    return successor === null || undo.kind === "none" ? [] : [[successor, undo.service] as const];
  });
  return Object.fromEntries([...earlier, ...now]);
}

/** The webserver as the runner reaches it; null when no address is known. */
function webserverOf(context: Context, { stack, connections }: Session): Dagster | null {
  const url = Object.values(stack.services).flatMap((service) =>
    service.kind === "webserver" && service.url !== null ? [service.url] : [],
  )[0];
  return url === undefined ? null : connections.webserver(context, { url, headers: {} });
}

/** Outcome, pointer, lock, in this order: whoever is cut in between is found by the next one, who moves the pointer. */
async function commit(
  { clock }: Context,
  { journal, request, current }: Session,
  lock: HeldLock,
  { command }: Undertaking,
  end: RolloutEnd,
): Promise<void> {
  await lock.check();
  const at = instant(clock.now());
  const other = await journal.end({
    ...outcomeHead(command, end, []),
    outcome: "committed",
    cause: null,
    owner: request.owner,
    at,
  });
  if (other !== null && other.outcome !== "committed") throw closedByOther(other);
  await journal.moveCurrent({ schema: 1, release: end.release.id, previous: end.release.base, at }, current);
  lock.settled();
  await lock.giveBack();
}

/** Everything runs, and the record does not say so: the next release goes on from there. */
function uncommitted(cause: Error, told: Told): Error {
  const services = Object.keys(told.session.stack.services).join(", ");
  const { what, fix } = wordsOf(cause);
  const text = [
    what,
    ...(fix === null ? [] : [`fix: ${fix}`]),
    `Every service runs release ${told.end.release.id} (${services}), but it is not recorded as current. Deploy again: that records it.`,
  ].join("\n");
  return new ReleaseFailed(text, resultOf(told), [], cause);
}

function closedByOther({ release, outcome, owner }: Outcome): UserError {
  return new UserError(
    {
      what: `Release ${release.id} was closed as ${outcome} by ${owner.name} while it was carried out.`,
      where: "journal of the stack",
      fix: "See `status` for what runs now; then deploy again.",
    },
    { kind: "superseded" },
  );
}

/** What was done until somebody else had the lock; he goes on from there, or takes it back. */
function lost(cause: UserError, session: Session, undertaking: Undertaking, end: RolloutEnd): ReleaseLost {
  return new ReleaseLost(cause, resultOf(tell(session, undertaking, end, "Stopped: the lock was lost")), cause);
}

/** What is done about a failure. @returns what to throw */
async function failed(
  context: Context,
  session: Session,
  lock: HeldLock | null,
  undertaking: Undertaking,
  end: RolloutEnd,
  movedAt: number | null,
): Promise<Error> {
  const cause = asError(end.failure?.error);
  // Somebody else may write now: whatever is half done is his to go on from.
  if (isLost(cause)) {
    lock?.handOn();
    return lost(cause, session, undertaking, end);
  }
  const cancelled = context.signal.aborted;
  const mine = movedBy(end);
  const moved = replacedLast([...mine, ...movedEarlier(undertaking, mine)]);
  if (moved.length > 0 && !cancelled) context.report({ kind: "stage", title: "Taking back" });
  const takenBack = cancelled
    ? []
    : await takeAllBack(context, session, lock, undertaking.observation, moved, webserverOf(context, session));
  const left = cancelled ? moved : takenBack.filter(({ why }) => why !== null);
  const outcome: OutcomeKind = left.length === 0 ? "taken-back" : "failed";
  if (lock !== null) await close(context, session, lock, undertaking, end, takenBack, outcome);
  const title = cancelled ? "Cancelled" : outcome === "taken-back" ? "Failed, and taken back" : "Failed";
  const since = takenBackSince(session, undertaking, end, takenBack, movedAt);
  const queued = await settleLeftBehind(context, session, undertaking, since);
  const told = tell(session, undertaking, end, title, lock === null ? null : outcome, takenBack);
  const result = resultOf({ ...told, queued });
  if (cancelled)
    return new ReleaseCancelled(
      cancelText(moved.map(({ service }) => nameIn(undertaking.observation, service))),
      result,
    );
  // With nothing done there is nothing more to tell than the error itself.
  if (!(cause instanceof StepFailed) && !result.changed && takenBack.length === 0) return cause;
  const verdicts = cause instanceof RolloutFailed ? cause.verdicts : [];
  return new ReleaseFailed(failureText(cause, takenBack, result.release), result, verdicts, cause);
}

function settleLeftBehind(
  context: Context,
  session: Session,
  { queued }: Undertaking,
  since: BadSince,
): Promise<QueuedRuns | null> {
  return settleQueuedRuns(context, session.stack, webserverOf(context, session), since, queued.choice);
}

/** Locations that were taken back to what was current, and since when their runs may carry what was taken back. */
function takenBackSince(
  { stack, unfinished }: Session,
  { observation, plan }: Undertaking,
  { release }: RolloutEnd,
  takenBack: readonly TakenBack[],
  movedAt: number | null,
): BadSince {
  if (observation.current === null) return {}; // nobody is left who would start them
  const begun = plan.moved.length === 0 ? [] : unfinished.map(({ intent }) => Date.parse(intent.at));
  const since = Math.min(...begun, movedAt ?? Infinity);
  const back = takenBack.flatMap(({ service, why }) => (why === null ? [service] : []));
  const served = back.flatMap((key) => {
    const service = stack.services[key];
    return service === undefined ? [] : locationsServedBy(service);
  });
  const differing = locationsThatDiffer(stack, release, observation.current);
  return Object.fromEntries(differing.filter((location) => served.includes(location)).map((name) => [name, since]));
}

/** What this release has moved, or may have. The last one first. */
function movedBy(end: RolloutEnd): readonly Moved[] {
  const { taskDefinitions } = end.release;
  return movesOf(end)
    .toReversed()
    .map(({ step: { kind, service, undo, from } }) => {
      const ours = kind === "stop" ? from : (taskDefinitions[`service/${service}`] ?? null);
      return { service, undo, ours };
    });
}

/** What a release that was cut has moved, and this one has not come to: it runs what was observed, or is somebody else's now. */
function movedEarlier({ plan, observation }: Undertaking, moved: readonly Moved[]): readonly Moved[] {
  return plan.moved
    .filter(({ service }) => moved.every((one) => one.service !== service))
    .map((one) => ({ ...one, ours: observation.services[one.service]?.revision ?? null }));
}

/** What was replaced starts again once all that took its place is gone. */
function replacedLast(moved: readonly Moved[]): readonly Moved[] {
  const isReplaced = ({ service }: Moved): boolean => successorOf(service) !== null;
  return [...moved.filter((one) => !isReplaced(one)), ...moved.filter(isReplaced)];
}

/**
 * Writes how it ended, and gives the lock back. The first cause stays the story: what goes wrong here is only said, and the release
 * then counts as interrupted.
 */
async function close(
  { clock, report }: Context,
  { journal, request }: Session,
  lock: HeldLock,
  { command }: Undertaking,
  end: RolloutEnd,
  takenBack: readonly TakenBack[],
  outcome: OutcomeKind,
): Promise<void> {
  const error = end.failure?.error;
  const cause = error instanceof StepFailed ? error.failure.id : error instanceof Cancelled ? "cancelled" : "error";
  try {
    const at = instant(clock.now());
    await journal.end({ ...outcomeHead(command, end, takenBack), outcome, cause, owner: request.owner, at });
    if (outcome !== "failed") lock.settled();
  } catch (unwritten) {
    report({ kind: "line", text: `how the release ended was not written: ${messageOf(unwritten)}` });
  }
  await lock.giveBack();
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error));
}

function cancelText(left: readonly string[]): string {
  if (left.length === 0) return "Cancelled before any service moved.";
  return `Cancelled; ECS goes on with ${left.join(", ")}. The next deploy or rollback goes on from here.`;
}

function failureText(error: Error, takenBack: readonly TakenBack[], release: Release): string {
  const { what, fix } = wordsOf(error);
  const migrated = migratedBy(release);
  const back = takenBack.filter(({ why }) => why === null).map(({ name }) => name);
  return [
    what,
    ...(fix === null ? [] : [`fix: ${fix}`]),
    ...(back.length === 0 ? [] : [`Taken back: ${back.join(", ")}.`]),
    ...takenBack.flatMap(({ name, why }) => (why === null ? [] : [`Not taken back: ${name}: ${why}`])),
    ...(takenBack.length === 0 ? ["No service was touched."] : []),
    ...(migrated.length === 0 ? [] : [`Not taken back, as migrations never are: ${migrated.join(", ")}.`]),
  ].join("\n");
}
