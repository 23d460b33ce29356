import type { Advice } from "../domain/errors.ts";
import type { Untrusted } from "../domain/evidence.ts";
import { type Revision, sameRevision } from "../domain/verdict.ts";
import type { ServiceDeploymentObservation } from "./observe.ts";
import type { Deployment, Digests, SeenDigests, ServiceEvent, ServiceObservation } from "./service.ts";
import type { StoppedTask, Survivor } from "./stopped-tasks/read.ts";

/** What one rollout is to bring about. */
export interface Aim {
  readonly cluster: string;
  readonly service: string;
  readonly to: Revision;
  readonly from: Revision | null;
  /** Null while ECS has not begun it: it was told to go back, and the deployment that does has no id yet. */
  readonly deploymentId: string | null;
  /** Null when ECS does not say (yet), or when it is about an older rollout. */
  readonly serviceDeploymentArn: string | null;
  /** The one that ECS named before: it may do so for a while longer. */
  readonly formerServiceDeploymentArn: string | null;
  /** It is ECS that goes back: the service deployment began as another one, and ends as ROLLBACK_SUCCESSFUL. */
  readonly returning: boolean;
  /** Other deployments that were there when it began. */
  readonly before: readonly string[];
  /** False when the service was found as it should be. */
  readonly moves: boolean;
  /** The service is to run nothing. */
  readonly toNothing: boolean;
  /** Ends when two tasks in a row have failed in a way that can only repeat. */
  readonly failEarly: boolean;
  readonly digests: Digests;
  /** The desired count that our own write was answered with; null when nothing was written. */
  readonly count: number | null;
  /** Since when tasks are its own: by the clock of ECS, in milliseconds since 1970. */
  readonly since: number;
  /** By our own clock, in milliseconds since 1970. */
  readonly begun: number;
  readonly deadline: number;
}

/** All that was seen of one rollout so far. Plain data: {@link follow} gives the next one. */
export interface Track {
  readonly aim: Aim;
  /** The newest state that ECS has shown. */
  readonly service: ServiceObservation;
  /** Our deployment as it is, or as it was when it left the list. */
  readonly mine: Deployment | null;
  /** It was seen FAILED, or ECS said so in an event that names it. */
  readonly failedAt: number | null;
  /** Deployments of which ECS has said that it goes back to them. */
  readonly returns: ReadonlySet<string>;
  /** When something else became PRIMARY, in milliseconds since 1970. */
  readonly replacedAt: number | null;
  /** Answers in a row in which the service was missing, or older than it had been seen already. */
  readonly missing: number;
  readonly stale: number;
  /** The service is believed to be so only because nothing else was shown for long. */
  readonly isDoubtful: boolean;
  /** When ECS last gave an answer that was not old, and when anything last changed, in milliseconds since 1970. */
  readonly seenAt: number;
  readonly changedAt: number;
  /** When what lies behind the service was last read: service deployment, stopped tasks. */
  readonly readAt: number;
  /** `refused`: the caller may not look at service deployments, or ECS does not know this one. */
  readonly serviceDeployment: ServiceDeploymentObservation | "refused" | null;
  /** Tasks of our deployment that stopped by no will of the scheduler's, oldest first. */
  readonly stopped: readonly StoppedTask[];
  /** What containers said last that exited, so that it can be compared; by the task's id. */
  readonly lastWords: Readonly<Record<string, string>>;
  /** Why stopped tasks cannot be read; null when they can. */
  readonly tasksRefused: Untrusted | null;
  /** Read only where it matters: once too many of ours have stopped. */
  readonly survivor: Survivor | null;
  /** Tasks of the service when it began. */
  readonly tasksAtFirst: number;
  /** Whether ECS was told to go back from what it would go on with for ever. */
  readonly stop: "asked" | "refused" | null;
  /** When it was told so, in milliseconds since 1970. */
  readonly stopAt: number | null;
  /** Why ECS may not be asked any more; null while it may. */
  readonly refusal: Pick<Advice, "what" | "fix"> | null;
  /** Tasks that have not ended, of a service that is to run nothing; null until they were counted after the last answer. */
  readonly liveTasks: number | null;
  /** Null until they were read. */
  readonly digests: SeenDigests | null;
  /** Since it began, oldest first. */
  readonly events: readonly ServiceEvent[];
  readonly knownEvents: ReadonlySet<string>;
}

/**
 * @param service as UpdateService answered, or as it was found
 * @param earlier its events that are not this rollout's
 */
export function track(aim: Aim, service: ServiceObservation, earlier: readonly ServiceEvent[]): Track {
  return {
    aim,
    service,
    mine: mineOf(aim, service),
    failedAt: null,
    returns: new Set(),
    replacedAt: null,
    missing: 0,
    stale: 0,
    isDoubtful: false,
    seenAt: aim.begun,
    changedAt: aim.begun,
    readAt: 0,
    serviceDeployment: null,
    stopped: [],
    lastWords: {},
    tasksRefused: null,
    survivor: null,
    tasksAtFirst: service.runningCount + service.pendingCount,
    stop: null,
    stopAt: null,
    refusal: null,
    liveTasks: null,
    digests: null,
    events: [],
    knownEvents: new Set(earlier.map(({ id }) => id)),
  };
}

/**
 * An answer older than what was seen already is ignored: ECS is eventually consistent. Should it stay so for half a minute, and
 * something else say that ECS goes back, it is the truth. Without such a sign it never is: ECS does not forget deployments.
 */
export const staleMost = 10;

/**
 * An answer with another desired count and nothing newer may be from before our own write, which moves no time of a deployment. ECS
 * tells of tasks that it starts or stops within seconds: three minutes without that, and somebody has changed the count of a
 * service that cannot start any.
 */
const silentMost = 60;

/**
 * What is known after one more answer.
 * @param answer null when the service was missing in it
 * @param now milliseconds since 1970
 */
export function follow(former: Track, answer: ServiceObservation | null, now: number): Track {
  if (answer === null) return { ...former, missing: former.missing + 1, seenAt: now };
  const before = begunAnew(former, answer);
  const newer = ageOf(answer) - ageOf(before.service);
  const isSilent = newer === 0 && isOtherCount(before, answer);
  const isOld = newer < 0 || (newer === 0 && isFormer(before, answer));
  if (isOld && !(before.stale >= staleMost && showsReturn(before))) return passedOver(before);
  if (isSilent && before.stale < silentMost) return passedOver(before);
  const aim = adopted(before.aim, answer);
  const mine = mineOf(aim, answer) ?? gone(before.mine);
  const fresh = answer.events.filter(({ id }) => !before.knownEvents.has(id)).reverse();
  const failed = mine?.state === "FAILED" || fresh.some((event) => saysFailed(event, aim.deploymentId));
  const replaced = aim.deploymentId !== null && answer.primary?.id !== aim.deploymentId;
  return {
    ...before,
    aim,
    service: answer,
    mine,
    failedAt: before.failedAt ?? (failed ? now : null),
    returns: new Set([...before.returns, ...returnsIn(answer, fresh)]),
    replacedAt: replaced ? (before.replacedAt ?? now) : null,
    liveTasks: null,
    missing: 0,
    stale: 0,
    isDoubtful: isSilent || (before.isDoubtful && newer === 0),
    seenAt: now,
    changedAt: fingerprint(answer) === fingerprint(before.service) ? before.changedAt : now,
    events: [...before.events, ...fresh],
    knownEvents: new Set([...before.knownEvents, ...fresh.map(({ id }) => id)]),
  };
}

function passedOver(before: Track): Track {
  return { ...before, missing: 0, stale: before.stale + 1 };
}

/** What was there before is PRIMARY, and was not begun again: in an answer of the very moment of our write. */
function isFormer({ aim, service }: Track, { primary }: ServiceObservation): boolean {
  return primary !== null && primary.id !== service.primary?.id && aim.before.includes(primary.id);
}

function isOtherCount({ aim, service }: Track, { desiredCount }: ServiceObservation): boolean {
  return aim.count !== null && desiredCount !== service.desiredCount && desiredCount !== aim.count;
}

/** Has anything but the answer at hand said that ECS goes back? */
function showsReturn({ failedAt, returns, serviceDeployment }: Track): boolean {
  const told =
    serviceDeployment !== null && serviceDeployment !== "refused" && serviceDeployment.status.startsWith("ROLLBACK");
  return told || failedAt !== null || returns.size > 0;
}

/** Events that the last answer brought, oldest first. */
export function newEvents(before: Track, after: Track): readonly ServiceEvent[] {
  return after.events.slice(before.events.length);
}

function mineOf({ deploymentId }: Aim, { primary, others }: ServiceObservation): Deployment | null {
  return [primary, ...others].find((deployment) => deployment?.id === deploymentId) ?? null;
}

function gone(deployment: Deployment | null): Deployment | null {
  return deployment === null ? null : { ...deployment, runningCount: 0, pendingCount: 0 };
}

/**
 * What only a later answer can name: the deployment that goes back, which is the first PRIMARY of the revision it goes back to;
 * and the service deployment, when the first answer still named the one before.
 */
function adopted(aim: Aim, { primary, serviceDeploymentArn: named }: ServiceObservation): Aim {
  const returned = primary !== null && sameRevision(primary.revision, aim.to) ? primary.id : null;
  const deploymentId = aim.deploymentId ?? returned;
  const isNamed = deploymentId !== null && primary?.id === deploymentId && named !== aim.formerServiceDeploymentArn;
  const serviceDeploymentArn = aim.serviceDeploymentArn ?? (isNamed ? named : null);
  return { ...aim, deploymentId, serviceDeploymentArn };
}

/**
 * A newer deployment that brings our own revision is ours as well: somebody has forced it, or has changed the count, and whether ECS
 * begins a deployment for that is not documented. What was seen of the one before says nothing about it.
 */
function begunAnew(before: Track, answer: ServiceObservation): Track {
  const { aim, service } = before;
  const { primary } = answer;
  const isNew =
    primary !== null && aim.deploymentId !== null && ![aim.deploymentId, ...aim.before].includes(primary.id);
  if (!isNew) return before;
  // ECS may go back to the same revision, too: from ours, or from one that somebody else had brought meanwhile.
  const isReturn = returnsIn(answer, answer.events).includes(primary.id);
  const mayBeReturn = isReturn || aim.returning || sameRevision(aim.from, aim.to) || before.stop !== null;
  if (mayBeReturn || !sameRevision(primary.revision, aim.to) || ageOf(answer) < ageOf(service)) return before;
  const former = aim.serviceDeploymentArn ?? aim.formerServiceDeploymentArn;
  return {
    ...before,
    aim: {
      ...aim,
      deploymentId: primary.id,
      serviceDeploymentArn: null,
      formerServiceDeploymentArn: former,
      before: [...aim.before, aim.deploymentId],
      count: null,
      since: primary.createdAt,
    },
    serviceDeployment: before.serviceDeployment === "refused" ? "refused" : null,
    failedAt: null,
    replacedAt: null,
    stopped: [],
    survivor: null,
    digests: null,
  };
}

/** `(service NAME) (deployment ecs-svc/…) deployment failed: …`, as service-event-messages-list in the developer guide has it. */
function saysFailed({ text }: ServiceEvent, deploymentId: string | null): boolean {
  return deploymentId !== null && text.untrusted.includes(`(deployment ${deploymentId}) deployment failed`);
}

/**
 * `ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/….` is the reason of a rollback while it runs, and
 * `rolling back to deployment ecs-svc/….` the event that announces it.
 */
function returnsIn({ primary }: ServiceObservation, fresh: readonly ServiceEvent[]): readonly string[] {
  const announced = fresh.flatMap(
    ({ text }) => /rolling back to deployment (ecs-svc\/\d+)/.exec(text.untrusted)?.[1] ?? [],
  );
  const isReturn = primary !== null && /rolling back/i.test(primary.reason.untrusted);
  return isReturn ? [...announced, primary.id] : announced;
}

/** The newest moment that an answer knows of. */
function ageOf({ primary, others, events }: ServiceObservation): number {
  const deployments = primary === null ? others : [primary, ...others];
  return Math.max(
    0,
    ...deployments.flatMap(({ createdAt, updatedAt }) => [createdAt, updatedAt]),
    ...events.map(({ at }) => at),
  );
}

function fingerprint({ events, ...service }: ServiceObservation): string {
  return JSON.stringify([service, events[0]?.id]);
}
