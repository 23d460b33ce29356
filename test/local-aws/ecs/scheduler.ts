import type { Bed } from "./bed.ts";
import { bounds } from "./breaker.ts";
import {
  completeDeployment,
  countFailure,
  finish,
  forgetDrained,
  moveTo,
  resetFailures,
  rollBackAsRequested,
} from "./deployments.ts";
import { eventTexts, stoppedReasons, tell } from "./events.ts";
import { complaintAbout, countsAsHealthy } from "./health.ts";
import { startServiceTask } from "./launches.ts";
import { isGone, isLive, primaryOf, tasksOf, type Deployment, type Service, type Task } from "./state.ts";
import { stopTask } from "./task-life.ts";

/**
 * One look of the scheduler at a service: judge its tasks, stop what is too much, start what is missing, and see whether
 * the deployment is done. Rolling updates as `deployment-type-ecs.html` in the developer guide tells them.
 */
export function look(bed: Bed, service: Service): void {
  if (service.status !== "ACTIVE") {
    drain(bed, service);
    return;
  }
  advanceServiceDeployments(bed, service);
  judgeTasks(bed, service);
  stopSurplus(bed, service);
  startMissing(bed, service);
  completeIfDone(bed, service);
  forgetDrained(bed, service);
  noteSteadiness(bed, service);
}

function advanceServiceDeployments(bed: Bed, service: Service): void {
  for (const deployment of service.serviceDeployments) {
    if (deployment.status === "PENDING") moveTo(bed, deployment, "IN_PROGRESS");
    if (deployment.status === "STOP_REQUESTED") finish(bed, deployment, "STOPPED", deployment.statusReason);
  }
  if (primaryOf(service).serviceDeployment.status === "ROLLBACK_REQUESTED") rollBackAsRequested(bed, service);
}

/** Condemns tasks that fail their checks; notices those that are healthy for the first time. */
function judgeTasks(bed: Bed, service: Service): void {
  for (const task of tasksOf(bed.state, service)) {
    const complaint = task.condemned === null ? complaintAbout(bed, task) : null;
    if (complaint?.kind === "container") {
      tell(bed, service, eventTexts.failedContainerCheck(task));
      condemn(bed, service, task, stoppedReasons.failedContainerCheck);
    } else if (complaint?.kind === "target") {
      const { targetGroupArn, port, reason } = complaint.target;
      tell(bed, service, eventTexts.unhealthyTarget(task, port, targetGroupArn, reason ?? "Health checks failed"));
      condemn(bed, service, task, stoppedReasons.failedTargetCheck(targetGroupArn));
    } else if (!task.wasHealthy && countsAsHealthy(task)) {
      task.wasHealthy = true;
      if (task.deployment === primaryOf(service)) resetFailures(service, task.deployment);
    }
  }
}

function condemn(bed: Bed, service: Service, task: Task, reason: string): void {
  task.condemned = reason;
  if (task.deployment !== null) countFailure(bed, service, task.deployment);
}

function stopSurplus(bed: Bed, service: Service): void {
  const { primary, live, own, old, most, least } = measure(bed, service);
  const stalled = primary.rolloutState === "FAILED";
  const scaling = stoppedReasons.scaling(primary);
  const stopped = new Set<Task>();
  const stop = (task: Task, reason: string) => {
    stopTask(task, "ServiceSchedulerInitiated", reason);
    stopped.add(task);
  };
  const staying = (tasks: readonly Task[]) => tasks.filter((task) => !stopped.has(task));
  const healthy = (tasks: readonly Task[]) => staying(tasks).filter(countsAsHealthy).length;

  for (const task of bestFirst(own).slice(service.desiredCount)) stop(task, scaling);

  // Where there is room, a replacement comes first, and the unhealthy task goes once that is healthy.
  for (const task of live.filter(({ condemned }) => condemned !== null)) {
    const replaced = healthy(live) >= service.desiredCount;
    const inTheWay = staying(live).length >= most && isMissed(service, task, primary, own, old);
    const hopeless = task.deployment?.rolloutState === "FAILED" || isUnwanted(task, primary);
    if (replaced || inTheWay || hopeless) stop(task, task.condemned ?? scaling);
  }

  const missing = stalled ? 0 : service.desiredCount - own.length;
  const makesRoom = bed.rules.stopsToMinimumAtOnce || most - staying(live).length < missing;
  const floor = stalled ? service.desiredCount : makesRoom ? least : Math.max(least, service.desiredCount);
  for (const task of bestFirst(old).toReversed()) {
    const others = healthy(stalled ? old : live) - (countsAsHealthy(task) ? 1 : 0);
    const useless = !countsAsHealthy(task) && isUnwanted(task, primary);
    if (others >= floor || useless) {
      stop(task, scaling);
      if (task.deployment !== null && task.deployment.wanted > 0) task.deployment.wanted -= 1;
    }
  }

  const [running, pending] = [true, false].map((ran) =>
    [...stopped].filter(({ startedAt }) => (startedAt !== undefined) === ran),
  );
  if (running !== undefined && running.length > 0) tell(bed, service, eventTexts.stopped(running));
  if (pending !== undefined && pending.length > 0) tell(bed, service, eventTexts.stoppedPending(pending));
}

function startMissing(bed: Bed, service: Service): void {
  if (service.launches.held) return;
  const { primary, live, own, old, most } = measure(bed, service);
  const stopping = tasksOf(bed.state, service).filter((task) => !isLive(task) && !isGone(task)).length;
  let room = most - live.length - (bed.rules.stoppingTasksCount ? stopping : 0);
  const start = (deployment: Deployment, count: number) => {
    const unhealthy = live.filter((task) => task.deployment === deployment && task.condemned !== null).length;
    const started = Array.from({ length: Math.max(0, Math.min(count, room)) }, () =>
      startServiceTask(bed, service, deployment),
    );
    room -= started.length;
    if (started.length > 0) tell(bed, service, eventTexts.started(started, Math.min(unhealthy, started.length)));
  };
  // Of what is being replaced, only as many as the new ones do not make up for yet.
  const covered = own.filter(countsAsHealthy).length;
  for (const older of service.deployments.slice(1)) {
    const wanted = Math.min(older.wanted, service.desiredCount - covered);
    start(older, wanted - old.filter((task) => task.deployment === older).length);
  }
  if (primary.rolloutState !== "FAILED") start(primary, service.desiredCount - own.length);
}

function completeIfDone(bed: Bed, service: Service): void {
  const { primary, own } = measure(bed, service);
  if (primary.rolloutState !== "IN_PROGRESS") return;
  const early = service.configuration.earlySuccessCriteria;
  const percent = early?.enable === true ? (early.healthyPercent ?? 100) : 100;
  const waitsForOld = early?.enable !== true || early.sourceServiceRevisionCleanup !== "DEFERRED";
  const enough = own.filter(countsAsHealthy).length >= Math.ceil((service.desiredCount * percent) / 100);
  const remains = bed.rules.completionWaitsForStopped ? (task: Task) => !isGone(task) : isLive;
  const others = tasksOf(bed.state, service).filter((task) => remains(task) && !isOf(task, primary));
  if (enough && (!waitsForOld || others.length === 0)) completeDeployment(bed, service, primary);
}

function noteSteadiness(bed: Bed, service: Service): void {
  const { primary, own } = measure(bed, service);
  const present = tasksOf(bed.state, service).filter((task) => !isGone(task));
  const steady =
    primary.rolloutState === "COMPLETED" &&
    own.length === service.desiredCount &&
    present.every((task) => own.includes(task) && countsAsHealthy(task));
  if (steady && !service.steady) tell(bed, service, eventTexts.steady());
  service.steady = steady;
}

/** A deleted service: its tasks end, then it is INACTIVE. */
function drain(bed: Bed, service: Service): void {
  const tasks = tasksOf(bed.state, service).filter((task) => !isGone(task));
  for (const task of tasks) stopTask(task, "ServiceSchedulerInitiated", stoppedReasons.serviceDeleted(service));
  if (tasks.length > 0) return;
  service.status = "INACTIVE";
  service.deployments = [];
}

interface Measure {
  readonly primary: Deployment;
  readonly live: readonly Task[];
  /** Tasks that the PRIMARY deployment may count on. */
  readonly own: readonly Task[];
  /** Tasks that it replaces. */
  readonly old: readonly Task[];
  readonly most: number;
  readonly least: number;
}

function measure(bed: Bed, service: Service): Measure {
  const primary = primaryOf(service);
  const live = tasksOf(bed.state, service).filter(isLive);
  const sound = live.filter(({ condemned }) => condemned === null);
  return {
    primary,
    live,
    own: sound.filter((task) => isOf(task, primary)),
    old: sound.filter((task) => !isOf(task, primary)),
    ...bounds(service.configuration, service.desiredCount),
  };
}

function isOf(task: Task, deployment: Deployment): boolean {
  return task.deployment === deployment && !task.outdated;
}

/** Belongs to something that is being replaced and need not be kept at strength. */
function isUnwanted(task: Task, primary: Deployment): boolean {
  return !isOf(task, primary) && (task.outdated || (task.deployment?.wanted ?? 0) === 0);
}

/** Is a replacement for this task still to be started? */
function isMissed(
  service: Service,
  task: Task,
  primary: Deployment,
  own: readonly Task[],
  old: readonly Task[],
): boolean {
  if (isOf(task, primary)) return own.length < service.desiredCount;
  return old.filter(({ deployment }) => deployment === task.deployment).length < (task.deployment?.wanted ?? 0);
}

/** Healthy before running before starting, and the older before the younger. */
function bestFirst(tasks: readonly Task[]): readonly Task[] {
  const worth = (task: Task) => (countsAsHealthy(task) ? 2 : task.lastStatus === "RUNNING" ? 1 : 0);
  return tasks.toSorted((a, b) => worth(b) - worth(a) || a.createdAt - b.createdAt);
}
