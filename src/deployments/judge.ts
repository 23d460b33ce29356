import { isCrashLoop } from "./crash-loop.ts";
import { canOnlyRepeat } from "./repeated-failure.ts";
import { assertNever } from "../domain/errors.ts";
import type { Digest } from "../domain/identifiers.ts";
import { sameRevision, type VerdictKind } from "../domain/verdict.ts";
import type { ServiceDeploymentObservation } from "./observe.ts";
import type { Deployment } from "./service.ts";
import { needsWord } from "./strategies.ts";
import type { Track } from "./track.ts";

/**
 * How a rollout ended.
 * - `complete`: as it was meant to.
 * - `rolled-back`, `rollback-failed`: ECS went back to another deployment; or tried to.
 * - `failed`: ECS gave it up, and goes nowhere.
 * - `superseded`: somebody wants something else by now.
 * - `service-gone`, `scaled-to-zero`: there is nothing left to look at.
 * - `other-revision`, `other-digest`: it is complete, and is not what was asked for.
 * - `unreadable`: ECS may not be asked any more; it goes on.
 * - `time-over`, `cancelled`: we stopped waiting.
 */
export type Ending =
  | "complete"
  | "rolled-back"
  | "rollback-failed"
  | "failed"
  | "superseded"
  | "service-gone"
  | "scaled-to-zero"
  | "other-revision"
  | "other-digest"
  | "unreadable"
  | "time-over"
  | "cancelled";

export type Judgement =
  | { readonly kind: "moving" }
  /** All is well as far as it is known; what runs is to be looked at. */
  | { readonly kind: "look-at-digests" }
  /** Nothing runs any more, and something may still be ending. */
  | { readonly kind: "look-at-tasks" }
  /** It does not end by itself, and ECS is to go back from it. */
  | { readonly kind: "stop" }
  | { readonly kind: "ended"; readonly ending: Ending };

/** So many answers in a row without the service: one alone is ECS being eventually consistent. */
const missingMost = 3;

/** Milliseconds that ECS is given to begin its rollback, once it has called a deployment failed. */
const untilRollback = 60_000;

/** Milliseconds that a service deployment is given to tell what `deployments[]` has shown already. */
const untilConsistent = 30_000;

/**
 * Has it ended, and how? Told by states; texts only tell apart what states leave open.
 * Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html and API_Deployment.
 * @param now milliseconds since 1970
 */
export function judge(track: Track, now: number): Judgement {
  const { aim, service } = track;
  if (track.missing > 0) return track.missing < missingMost ? moving : ended("service-gone");
  if (service.status !== "ACTIVE") return ended("service-gone");
  if (aim.toNothing) return judgeNothing(track);
  if (service.desiredCount === 0) return ended("scaled-to-zero");
  if (needsWord(track)) return judgeStaged(track, now);
  if (service.primary === null) return moving;
  if (aim.deploymentId === null) return judgeUnnamed(track, service.primary);
  return service.primary.id === aim.deploymentId
    ? judgePrimary(track, service.primary, now)
    : judgeReplaced(track, service.primary, now);
}

/** Has ECS begun to go back to another deployment? It is over when {@link judge} says so. */
export function isGoingBack(track: Track, now: number): boolean {
  const { primary } = track.service;
  const { deploymentId } = track.aim;
  if (primary === null || deploymentId === null || primary.id === deploymentId) return false;
  return backTo(track, primary, now) === "back";
}

/** @param goesBack {@link isGoingBack} when it ended. */
export function verdictOf(ending: Ending, { aim }: Track, goesBack: boolean): VerdictKind {
  switch (ending) {
    case "complete":
      return aim.moves ? "succeeded" : "unchanged";
    case "rolled-back":
      return "rolled-back";
    case "unreadable":
    case "time-over":
      return goesBack ? "rolled-back" : "timed-out";
    case "superseded":
    case "cancelled":
      return ending;
    case "rollback-failed":
    case "failed":
    case "service-gone":
    case "scaled-to-zero":
    case "other-revision":
    case "other-digest":
      return "failed";
    default:
      return assertNever(ending);
  }
}

const moving: Judgement = { kind: "moving" };

function ended(ending: Ending): Judgement {
  return { kind: "ended", ending };
}

function judgeNothing({ service, liveTasks }: Track): Judgement {
  if (service.desiredCount > 0) return ended("superseded");
  if (service.runningCount + service.pendingCount > 0) return moving;
  if (liveTasks === null) return { kind: "look-at-tasks" };
  return liveTasks === 0 ? ended("complete") : moving;
}

/**
 * No deployment is known to be ours: ECS was told to go back, and has not begun yet; or the answer to our write was lost. A rollout
 * that was complete before it could be stopped is one from which ECS does not go back.
 */
function judgeUnnamed(track: Track, primary: Deployment): Judgement {
  const status = statusOf(track);
  const isOver = status === "ROLLBACK_FAILED" || status === "STOPPED" || status === "SUCCESSFUL";
  if (track.aim.returning && isOver) return ended("rollback-failed");
  return track.aim.before.includes(primary.id) ? moving : ended("superseded");
}

function judgePrimary(track: Track, primary: Deployment, now: number): Judgement {
  switch (primary.state) {
    case "COMPLETED":
      return judgeCompleted(track, primary, now);
    case "FAILED":
      return mayStillGoBack(track, now) ? moving : ended("failed");
    case "IN_PROGRESS":
      return judgeLoop(track, now);
    case null:
      return judgeStateless(track, primary, now);
  }
}

/**
 * Traffic is shifted in stages, or the rollout may be held up: only its service deployment tells how it is. What `deployments[]`
 * shows meanwhile is not documented, and nothing is concluded from it but that another revision is wanted by now.
 */
function judgeStaged(track: Track, now: number): Judgement {
  const { aim, service } = track;
  if (track.serviceDeployment === "refused") return ended("unreadable");
  const status = statusOf(track);
  switch (status) {
    case null:
      return moving;
    case "PENDING":
    case "IN_PROGRESS":
      return aim.returning ? moving : judgeLoop(track, now);
    case "STOP_REQUESTED":
    case "ROLLBACK_REQUESTED":
    case "ROLLBACK_IN_PROGRESS":
      return moving;
    case "SUCCESSFUL":
      return aim.returning ? ended("rollback-failed") : judgeOver(track, now);
    case "ROLLBACK_SUCCESSFUL":
      return aim.returning ? judgeOver(track, now) : ended("rolled-back");
    case "ROLLBACK_FAILED":
      return ended("rollback-failed");
    case "STOPPED":
      return ended(sameRevision(service.revision, aim.to) ? "failed" : "superseded");
    default:
      return assertNever(status);
  }
}

/** Its service deployment is over, and well: what runs is looked at like that of any other. */
function judgeOver(track: Track, now: number): Judgement {
  const { primary } = track.service;
  if (primary === null || track.isDoubtful) return moving;
  if (!sameRevision(primary.revision, track.aim.to)) {
    return now - track.changedAt < untilConsistent ? moving : ended("other-revision");
  }
  return judgeRunning(track, primary);
}

function judgeLoop(track: Track, now: number): Judgement {
  const { aim, service, stop } = track;
  const isHopeless = isCrashLoop(track, now) || (aim.failEarly && canOnlyRepeat(track, now));
  if (stop === "asked" || !isHopeless) return moving;
  const mayReturn = service.rollout.breaker?.rollback === true && aim.from !== null && !aim.returning;
  return mayReturn && stop === null ? { kind: "stop" } : ended("failed");
}

/**
 * Behind a Classic Load Balancer a deployment has no state: its service deployment has one, and where that is not to be had, ECS
 * says in an event that the service is steady. Source: rolloutState in API_Deployment of the ECS API reference.
 */
function judgeStateless(track: Track, primary: Deployment, now: number): Judgement {
  const status = statusOf(track);
  if (status === "STOPPED" || status === "ROLLBACK_FAILED") return ended("failed");
  const isSteady = track.events.some(
    ({ at, text }) => at >= track.aim.since && /has reached a steady state/.test(text.untrusted),
  );
  const isDone = status === null ? isSteady : isConfirmed(track, now);
  return isDone ? judgeCompleted(track, primary, now) : judgeLoop(track, now);
}

function judgeCompleted(track: Track, primary: Deployment, now: number): Judgement {
  if (!sameRevision(primary.revision, track.aim.to)) return ended("other-revision");
  // A bake time, in which an alarm may still roll it back, is over when the service deployment says so.
  if (!isConfirmed(track, now)) return moving;
  if (track.isDoubtful) return moving;
  return judgeRunning(track, primary);
}

function judgeRunning(track: Track, primary: Deployment): Judgement {
  const { aim, service, digests } = track;
  if (primary.runningCount !== service.desiredCount || primary.pendingCount > 0) return moving;
  const oldTasksRun = service.runningCount !== primary.runningCount || service.others.some(isLive);
  if (oldTasksRun && !service.rollout.cleansUpLater) return moving;
  if (digests === null) return { kind: "look-at-digests" };
  const wanted = Object.entries(aim.digests);
  // Nothing is told of any container: not yet. Something is, and one is not among them: it will not be.
  if (wanted.length > 0 && Object.keys(digests).length === 0) return { kind: "look-at-digests" };
  return ended(wanted.every(([container, digest]) => isAll(digests[container], digest)) ? "complete" : "other-digest");
}

function isAll(seen: readonly Digest[] | undefined, wanted: Digest): boolean {
  return seen?.every((digest) => digest === wanted) === true;
}

function judgeReplaced(track: Track, primary: Deployment, now: number): Judgement {
  switch (backTo(track, primary, now)) {
    case "unclear":
      return moving;
    case "no":
      return ended("superseded");
    case "back":
      if (statusOf(track) === "ROLLBACK_FAILED" || primary.state === "FAILED") return ended("rollback-failed");
      return primary.state === "COMPLETED" ? ended("rolled-back") : moving;
  }
}

/**
 * Something else is PRIMARY: is that ECS going back, or somebody going on? Whether a rollback begins the good deployment again,
 * with its former id, or makes a new one of its revision, is not documented: both are understood.
 */
function backTo(track: Track, primary: Deployment, now: number): "back" | "no" | "unclear" {
  const { aim, failedAt, returns, replacedAt } = track;
  const isFormer = aim.before.includes(primary.id);
  const toFormer = sameRevision(primary.revision, aim.from);
  const status = aim.returning ? null : statusOf(track);
  switch (status) {
    case "ROLLBACK_REQUESTED":
    case "ROLLBACK_IN_PROGRESS":
    case "ROLLBACK_SUCCESSFUL":
      return "back";
    case "ROLLBACK_FAILED":
      return isFormer || toFormer || primary.state === "FAILED" ? "back" : "no";
    case "SUCCESSFUL":
      // From one that is over ECS does not go back: an answer in which the former one is PRIMARY is an old one.
      return isFormer ? "unclear" : "no";
    case "STOPPED":
    case "STOP_REQUESTED":
      return isFormer ? "back" : "no";
    case "PENDING":
    case "IN_PROGRESS":
      // It is neither replaced nor taken back yet, says ECS; `deployments[]` knows better.
      if (replacedAt !== null && now - replacedAt < untilConsistent) return "unclear";
      break;
    case null:
      break;
  }
  if (isFormer) return "back";
  const signs = [toFormer, failedAt !== null, returns.has(primary.id)];
  return signs.filter(Boolean).length >= 2 ? "back" : "no";
}

function mayStillGoBack(track: Track, now: number): boolean {
  const { aim, service, failedAt, stop } = track;
  const status = statusOf(track);
  if (status === "STOPPED" || status === "ROLLBACK_FAILED") return false;
  const isAsked = stop === "asked" || status === "ROLLBACK_REQUESTED" || status === "ROLLBACK_IN_PROGRESS";
  const { breaker, alarmsRollBack } = service.rollout;
  const isSet = (breaker?.rollback === true || alarmsRollBack) && aim.from !== null;
  return (isAsked || isSet) && now - (failedAt ?? now) < untilRollback;
}

/** The service deployment calls it done, or there is none that we may ask, or ECS does not know the one it has named. */
function isConfirmed(track: Track, now: number): boolean {
  if (track.aim.serviceDeploymentArn === null || track.serviceDeployment === "refused") return true;
  if (track.serviceDeployment === null) return now - track.changedAt >= untilConsistent;
  return statusOf(track) === (track.aim.returning ? "ROLLBACK_SUCCESSFUL" : "SUCCESSFUL");
}

function statusOf({ serviceDeployment }: Track): ServiceDeploymentObservation["status"] | null {
  return serviceDeployment === null || serviceDeployment === "refused" ? null : serviceDeployment.status;
}

function isLive({ runningCount, pendingCount }: Deployment): boolean {
  return runningCount + pendingCount > 0;
}
