import { assertNever } from "../domain/errors.ts";
import { sameRevision, type VerdictKind } from "../domain/verdict.ts";
import type { ServiceDeploymentObservation } from "./observe.ts";
import type { Deployment } from "./service.ts";
import type { Track } from "./track.ts";

/**
 * How a rollout ended.
 * - `complete`: as it was meant to.
 * - `rolled-back`, `rollback-failed`: ECS went back to another deployment; or tried to.
 * - `failed`: ECS gave it up, and goes nowhere.
 * - `superseded`: somebody wants something else by now.
 * - `service-gone`, `scaled-to-zero`: there is nothing left to look at.
 * - `other-revision`, `other-digest`: it is complete, and is not what was asked for.
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
  | "time-over"
  | "cancelled";

export type Judgement =
  | { readonly kind: "moving" }
  /** All is well as far as it is known; what runs is to be looked at. */
  | { readonly kind: "look-at-digests" }
  /** Nothing runs any more, and something may still be ending. */
  | { readonly kind: "look-at-tasks" }
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
  if (service.primary === null) return moving;
  if (aim.deploymentId === null) return judgeReturn(track, service.primary);
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

/** ECS was told to go back, and has not begun yet. */
function judgeReturn(track: Track, primary: Deployment): Judgement {
  const status = statusOf(track);
  if (status === "ROLLBACK_FAILED" || status === "STOPPED") return ended("rollback-failed");
  return track.aim.before.includes(primary.id) ? moving : ended("superseded");
}

function judgePrimary(track: Track, primary: Deployment, now: number): Judgement {
  switch (primary.state) {
    case "COMPLETED":
      return judgeCompleted(track, primary, now);
    case "FAILED":
      return mayStillGoBack(track, now) ? moving : ended("failed");
    case "IN_PROGRESS":
    case null:
      return moving;
  }
}

function judgeCompleted(track: Track, primary: Deployment, now: number): Judgement {
  const { aim, service, digests } = track;
  if (!sameRevision(primary.revision, aim.to)) return ended("other-revision");
  // A bake time, in which an alarm may still roll it back, is over when the service deployment says so.
  if (!isConfirmed(track, now)) return moving;
  if (primary.runningCount !== service.desiredCount || primary.pendingCount > 0) return moving;
  const oldTasksRun = service.runningCount !== primary.runningCount || service.others.some(isLive);
  if (oldTasksRun && !service.rollout.cleansUpLater) return moving;
  if (digests === null) return { kind: "look-at-digests" };
  const wanted = Object.entries(aim.digests);
  if (wanted.some(([container]) => digests[container] === undefined)) return { kind: "look-at-digests" };
  return ended(wanted.every(([container, digest]) => digests[container] === digest) ? "complete" : "other-digest");
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
  if (aim.before.includes(primary.id)) return "back";
  const toFormer = sameRevision(primary.revision, aim.from);
  const status = aim.returning ? null : statusOf(track);
  switch (status) {
    case "ROLLBACK_REQUESTED":
    case "ROLLBACK_IN_PROGRESS":
    case "ROLLBACK_SUCCESSFUL":
      return "back";
    case "ROLLBACK_FAILED":
      return toFormer || primary.state === "FAILED" ? "back" : "no";
    case "SUCCESSFUL":
    case "STOPPED":
    case "STOP_REQUESTED":
      return "no";
    case "PENDING":
    case "IN_PROGRESS":
      // It is neither replaced nor taken back yet, says ECS; `deployments[]` knows better.
      if (replacedAt !== null && now - replacedAt < untilConsistent) return "unclear";
      break;
    case null:
      break;
  }
  const signs = [toFormer, failedAt !== null, returns.has(primary.id)];
  return signs.filter(Boolean).length >= 2 ? "back" : "no";
}

function mayStillGoBack(track: Track, now: number): boolean {
  const { aim, service, failedAt } = track;
  const status = statusOf(track);
  if (status === "STOPPED" || status === "ROLLBACK_FAILED") return false;
  const isAsked = status === "ROLLBACK_REQUESTED" || status === "ROLLBACK_IN_PROGRESS";
  const isSet = service.rollout.breaker?.rollback === true && aim.from !== null;
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
