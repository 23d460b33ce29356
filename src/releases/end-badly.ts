import type { Context } from "../domain/context.ts";
import { Cancelled, messageOf, RolloutFailed, type UserError } from "../domain/errors.ts";
import { instant } from "../domain/identifiers.ts";
import type { OutcomeKind } from "../domain/journal.ts";
import { beforeAnyMove, noOthers, type Others, wordsOfFailure, wordsOfLeft, wordsOfSentBack } from "./ending/words.ts";
import { locationsServedBy } from "./hosts.ts";
import { listWritten, takeListBack } from "./list-back.ts";
import { type HeldLock, isLost } from "./lock.ts";
import { nameIn, successorOf } from "./observation.ts";
import { type BadSince, locationsThatDiffer, settleQueuedRuns } from "./queued-runs.ts";
import {
  movesOf,
  outcomeHead,
  ReleaseCancelled,
  ReleaseFailed,
  ReleaseLost,
  type Result,
  resultOf,
  type Told,
  wordsOf,
} from "./result.ts";
import type { RolloutEnd } from "./rollout.ts";
import { putSettingsBack } from "./settings-back.ts";
import { sendAllBack } from "./send-back.ts";
import type { Session } from "./session.ts";
import { plainFilesBack, seenBack, switchAllBack, switchedBy } from "./pointers-back.ts";
import { stateAfterTakeBack } from "./state-after.ts";
import { StepFailed } from "./steps/done.ts";
import { type Moved, type TakenBack, takeAllBack } from "./take-back.ts";
import { tellEvidence } from "./tell-evidence.ts";
import { tell, type Undertaking } from "./undertaking.ts";

/**
 * A step failed, or was cancelled: takes back what moved, writes how it ended, and gives the lock back; unless it is lost.
 * @param movedAt when the first service began to move, or the first location was switched, in milliseconds since 1970; null: none did
 * @returns what to throw
 */
export async function failed(
  context: Context,
  session: Session,
  lock: HeldLock,
  undertaking: Undertaking,
  end: RolloutEnd,
  movedAt: number | null,
): Promise<Error> {
  const cause = asError(end.failure?.error);
  // Somebody else may write now: whatever is half done is his to go on from.
  if (isLost(cause)) {
    lock.handOn();
    return lost(cause, session, undertaking, end);
  }
  const { dagster } = session.webserver;
  const isCancelled = context.signal.aborted;
  const isLeft = !isCancelled && undertaking.rolling.onTimeout === "leave" && isTimedOut(end);
  if (!isCancelled && end.failure?.error instanceof StepFailed) {
    const { step, error } = end.failure;
    tellEvidence(context, step.id, error.evidence, error.verdicts);
  }
  const mine = movedBy(end);
  const moved = replacedLast([...mine, ...movedEarlier(undertaking, mine)]);
  const switched = switchedBy(end, undertaking.plan);
  const isSentBack = isCancelled && undertaking.rolling.onCancel === "rollback";
  const isGoingBack = isSentBack || !(isCancelled || isLeft);
  const written = listWritten(end);
  const moves = moved.length + switched.length + (written === null ? 0 : 1);
  if (moves > 0 && isGoingBack) context.report({ kind: "stage", title: "Taking back" });
  // What was moved last goes back first: then old processes find the code that they had.
  const listBack = isGoingBack ? await takeListBack(context, session, lock, end) : null;
  const pointers = isGoingBack
    ? await plainFilesBack(context, session, lock, end, switched, await switchAllBack(context, session, lock, switched))
    : [];
  const sentBack = isSentBack ? await sendAllBack(context, session, lock, undertaking.observation, moved) : [];
  const takenBack =
    isCancelled || isLeft ? sentBack : await takeAllOrSend(context, session, lock, undertaking, moved, dagster);
  const isTakenBack = !isCancelled && !isLeft;
  const pointersBack = isTakenBack
    ? await seenBack(context, session.stack, undertaking.observation, dagster, pointers)
    : pointers;
  const settings = isTakenBack ? await putSettingsBack(session, lock, end, takenBack) : [];
  const back = pointersBack.flatMap(({ location, isBack }) => (isBack ? [location] : []));
  const stateAfter = await stateAfterTakeBack(
    context,
    session.stack,
    undertaking.observation,
    end,
    takenBack,
    back,
    dagster,
  );
  const left = (isCancelled && !isSentBack) || isLeft ? moved : takenBack.filter(({ why }) => why !== null);
  const isListBack = isGoingBack ? (listBack?.why ?? null) === null : written === null;
  const isSwitchedBack = isGoingBack ? pointersBack.every(({ why }) => why === null) : switched.length === 0;
  const outcome: OutcomeKind = left.length === 0 && isSwitchedBack && isListBack ? "taken-back" : "failed";
  await close(context, session, lock, undertaking, end, takenBack, outcome);
  const title = isCancelled
    ? "Cancelled"
    : takenBack.length + pointersBack.length + (listBack === null ? 0 : 1) > 0 && outcome === "taken-back"
      ? "Failed, and taken back"
      : "Failed";
  const since = takenBackSince(session, undertaking, end, takenBack, back, movedAt);
  const queued = await settleQueuedRuns(context, session.stack, dagster, since, undertaking.queued.choice);
  const told = tell(session, undertaking, end, title, outcome, takenBack);
  const result = resultOf({ ...told, queued, stateAfter, pointersBack, listBack });
  if (isSentBack && moves > 0)
    return new ReleaseCancelled(wordsOfSentBack(end, sentBack, pointersBack, listBack), result);
  if (isCancelled) {
    const leftCode = isGoingBack
      ? []
      : [...switched.map(({ location }) => location), ...(written === null ? [] : ["list of locations"])];
    return new ReleaseCancelled(wordsOfLeft(undertaking.observation, end, left, leftCode), result);
  }
  const leftSo = isLeft ? moved.map(({ service }) => nameIn(undertaking.observation, service)) : [];
  return red(cause, takenBack, result, { leftSo, settings, stateAfter, pointersBack, listBack });
}

/** Takes back one after the other; who is cancelled meanwhile tells ECS of the rest at once, where that is wanted. */
async function takeAllOrSend(
  context: Context,
  session: Session,
  lock: HeldLock,
  { observation, rolling }: Undertaking,
  moved: readonly Moved[],
  dagster: Parameters<typeof takeAllBack>[5],
): Promise<readonly TakenBack[]> {
  const back = await takeAllBack(context, session, lock, observation, moved, dagster, rolling);
  if (!context.signal.aborted || rolling.onCancel !== "rollback") return back;
  const isLeft = ({ service }: Moved): boolean => back.some((one) => one.service === service && one.why !== null);
  const sent = await sendAllBack(context, session, lock, observation, moved.filter(isLeft));
  return back.map((one) => sent.find(({ service }) => service === one.service) ?? one);
}

/** It was waited for long enough: of a roll, while no service stands still that a later step was to roll. */
function isTimedOut(end: RolloutEnd): boolean {
  const { step, error } = end.failure ?? {};
  if (step?.kind !== "roll" || !(error instanceof StepFailed)) return false;
  const isSlow = error.verdicts.some(({ verdict }) => verdict === "timed-out");
  return isSlow && movesOf(end).every((move) => move.step.kind === "roll");
}

/** An image was not made: no service was touched, and there is nothing to record. @returns what to throw */
export function imagesFailed(
  { signal }: Context,
  session: Session,
  undertaking: Pick<Undertaking, "plan" | "observation" | "earlier">,
  end: RolloutEnd,
): Error {
  const title = signal.aborted ? "Cancelled" : "Failed";
  const result = resultOf(tell(session, undertaking, end, title));
  return signal.aborted ? new ReleaseCancelled(beforeAnyMove, result) : red(asError(end.failure?.error), [], result);
}

/** What was done until somebody else had the lock; he goes on from there, or takes it back. */
export function lost(cause: UserError, session: Session, undertaking: Undertaking, end: RolloutEnd): ReleaseLost {
  return new ReleaseLost(cause, resultOf(tell(session, undertaking, end, "Stopped: the lock was lost")), cause);
}

/** Everything runs, and the record does not say so: the next release goes on from there. */
export function uncommitted(error: unknown, told: Told): Error {
  const cause = asError(error);
  const services = Object.keys(told.session.stack.services).join(", ");
  const { what, fix } = wordsOf(cause);
  const text = [
    what,
    ...(fix === null ? [] : [`fix: ${fix}`]),
    `Every service runs release ${told.end.release.id} (${services}), but it is not recorded as current. Deploy again: that records it.`,
  ].join("\n");
  return new ReleaseFailed(text, resultOf(told), [], cause);
}

function red(cause: Error, takenBack: readonly TakenBack[], result: Result, others: Others = noOthers): Error {
  // With nothing done there is nothing more to tell than the error itself.
  const isNothingDone =
    !result.changed && takenBack.length + others.pointersBack.length === 0 && others.listBack === null;
  if (!(cause instanceof StepFailed) && isNothingDone) return cause;
  const verdicts = cause instanceof RolloutFailed ? cause.verdicts : [];
  return new ReleaseFailed(wordsOfFailure(cause, takenBack, others, result.release), result, verdicts, cause);
}

/** Locations that were taken back to what was current, and since when their runs may carry what was taken back. */
function takenBackSince(
  { stack, unfinished }: Session,
  { observation, plan }: Undertaking,
  { release }: RolloutEnd,
  takenBack: readonly TakenBack[],
  switchedBack: readonly string[],
  movedAt: number | null,
): BadSince {
  if (observation.current === null) return {}; // nobody is left who would start them
  const begun =
    plan.moved.length + plan.switched.length === 0 ? [] : unfinished.map(({ intent }) => Date.parse(intent.at));
  const since = Math.min(...begun, movedAt ?? Infinity);
  const back = takenBack.flatMap(({ service, why }) => (why === null ? [service] : []));
  const served = back.flatMap((key) => {
    const service = stack.services[key];
    return service === undefined ? [] : locationsServedBy(service);
  });
  const differing = locationsThatDiffer(stack, release, observation.current);
  const bad = [...differing.filter((location) => served.includes(location)), ...switchedBack];
  return Object.fromEntries(bad.map((location) => [location, since]));
}

/** What this release has moved, or may have. The last one first. */
function movedBy(end: RolloutEnd): readonly Moved[] {
  const { taskDefinitions } = end.release;
  return movesOf(end)
    .toReversed()
    .flatMap(({ step: { kind, service, undo, from } }) => {
      const ours = kind === "stop" ? from : (taskDefinitions[`service/${service}`] ?? null);
      return undo.kind === "settings" || undo.kind === "switch" || undo.kind === "list"
        ? []
        : [{ service, undo, ours }];
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
