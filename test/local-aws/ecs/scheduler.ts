import type { Bed } from "./bed.ts";
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
import { isOf, measure, wantedOf } from "./measure.ts";
import { advanceStages } from "./stages.ts";
import { isGone, isLive, isStaged, primaryOf, tasksOf, type Deployment, type Service, type Task } from "./state.ts";
import { stopSurplus } from "./surplus.ts";
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

function startMissing(bed: Bed, service: Service): void {
  if (service.launches.held) return;
  const measured = measure(bed, service);
  const { primary, live, own, old, condemned, most } = measured;
  const stopping = tasksOf(bed.state, service).filter((task) => !isLive(task) && !isGone(task)).length;
  let room = most - live.length - (bed.rules.stoppingTasksCount ? stopping : 0);
  const start = (deployment: Deployment, missing: number) => {
    const count = Math.max(0, Math.min(missing, room));
    if (count === 0) return;
    const unhealthy = condemned.filter((task) => task.deployment === deployment).length;
    const started = Array.from({ length: count }, () => startServiceTask(bed, service, deployment));
    tell(bed, service, eventTexts.started(started, Math.min(unhealthy, count)));
    room -= count;
  };
  for (const older of service.deployments.slice(1)) {
    const present = old.filter((task) => task.deployment === older).length;
    start(older, wantedOf(service, measured, older) - present);
  }
  if (primary.rolloutState !== "FAILED") start(primary, service.desiredCount - own.length);
}

function completeIfDone(bed: Bed, service: Service): void {
  const { primary, own } = measure(bed, service);
  if (primary.rolloutState !== "IN_PROGRESS") return;
  if (isStaged(primary.serviceDeployment.configuration) && !primary.rollback) {
    advanceStages(bed, service, primary);
    return;
  }
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
