import type { Bed } from "./bed.ts";
import { breakerThreshold } from "./breaker.ts";
import { eventTexts, rolloutReasons, statusReasons, tell } from "./events.ts";
import {
  isGone,
  isLive,
  isStaged,
  primaryOf,
  tasksOf,
  type Deployment,
  type Service,
  type ServiceDeployment,
  type ServiceDeploymentStatus,
  type ServiceRevision,
  type ServiceShape,
} from "./state.ts";

/** Begins a deployment of this shape; what was PRIMARY is replaced. */
export function beginDeployment(bed: Bed, service: Service, shape: ServiceShape): Deployment {
  const now = bed.time.now();
  const revision: ServiceRevision = {
    arn: bed.names.arn("service-revision", service.cluster.name, service.name, bed.names.decimal()),
    shape,
    createdAt: now,
    digests: new Map(),
  };
  const serviceDeployment: ServiceDeployment = {
    arn: bed.names.arn("service-deployment", service.cluster.name, service.name, bed.names.token()),
    createdAt: now,
    sources: service.deployments.filter(({ rolloutState }) => rolloutState !== "FAILED").map((one) => one.revision),
    target: revision,
    configuration: service.configuration,
    status: "PENDING",
    statusReason: undefined,
    startedAt: undefined,
    finishedAt: undefined,
    stoppedAt: undefined,
    updatedAt: now,
    failureCount: 0,
    breaker: service.configuration.deploymentCircuitBreaker?.enable === true ? "MONITORING" : "DISABLED",
    rollback: undefined,
    stage: undefined,
    due: false,
    hooks: [],
    traffic: 0,
    past: [],
  };
  supersede(bed, service);
  service.revisions = [...service.revisions, revision];
  service.serviceDeployments = [serviceDeployment, ...service.serviceDeployments];
  service.shape = shape;
  service.launches = { failed: 0, held: false };
  service.steady = false;
  return becomePrimary(bed, service, newDeployment(bed, revision, serviceDeployment));
}

/** Counts a failed task of the PRIMARY deployment, and lets the breaker open when it is one too many. */
export function countFailure(bed: Bed, service: Service, deployment: Deployment): void {
  if (deployment !== primaryOf(service) || deployment.rolloutState !== "IN_PROGRESS") return;
  deployment.failedTasks += 1;
  deployment.updatedAt = bed.time.now();
  if (!deployment.rollback) deployment.serviceDeployment.failureCount = deployment.failedTasks;
  const breaker = service.configuration.deploymentCircuitBreaker;
  if (breaker?.enable !== true) return;
  const staged = isStaged(deployment.serviceDeployment.configuration) && !deployment.rollback;
  if (staged && !bed.rules.breakerInStages) return;
  if (deployment.failedTasks < breakerThreshold(bed.rules, service.configuration, service.desiredCount)) return;
  openBreaker(bed, service, deployment, breaker.rollback ?? false);
}

/** A task of the PRIMARY deployment became healthy. */
export function resetFailures(service: Service, deployment: Deployment): void {
  if (service.configuration.deploymentCircuitBreaker?.resetOnHealthyTask === false) return;
  deployment.failedTasks = 0;
  if (!deployment.rollback) deployment.serviceDeployment.failureCount = 0;
}

/** What StopServiceDeployment asked for, done at the scheduler's next look. */
export function rollBackAsRequested(bed: Bed, service: Service): void {
  rollBack(bed, service, statusReasons.requested);
}

/** Ends what is under way, and goes back from it. */
export function rollBack(bed: Bed, service: Service, reason: string): void {
  const stopped = primaryOf(service);
  fail(bed, service, stopped, rolloutReasons.stopped(stopped.id));
  goBack(bed, service, stopped, reason);
}

/** The target runs and is healthy, and nothing else is left that it would have to wait for. */
export function completeDeployment(bed: Bed, service: Service, deployment: Deployment): void {
  const now = bed.time.now();
  deployment.rolloutState = "COMPLETED";
  deployment.rolloutStateReason = rolloutReasons.completed(deployment.id);
  deployment.updatedAt = now;
  deployment.failedTasks = 0;
  service.lastCompleted = deployment;
  tell(bed, service, eventTexts.completed(deployment));
  const { serviceDeployment } = deployment;
  if (deployment.rollback) finish(bed, serviceDeployment, "ROLLBACK_SUCCESSFUL", serviceDeployment.statusReason);
  else finish(bed, serviceDeployment, "SUCCESSFUL", undefined);
  deployment.rollback = false;
  if (serviceDeployment.breaker === "MONITORING") serviceDeployment.breaker = "MONITORING_COMPLETE";
}

/** Deployments that are not PRIMARY leave the list when their last task is gone and none is to be replaced. */
export function forgetDrained(bed: Bed, service: Service): void {
  const tasks = tasksOf(bed.state, service).filter((task) => !isGone(task));
  const primary = primaryOf(service);
  service.deployments = service.deployments.filter(
    (deployment) =>
      deployment === primary ||
      (deployment.wanted > 0 && primary.rolloutState !== "COMPLETED") ||
      tasks.some((task) => task.deployment === deployment),
  );
}

export function isFinal(status: ServiceDeploymentStatus): boolean {
  return ["SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"].includes(status);
}

/** What it is now is what it was, for whoever reads late. */
export function remember(bed: Bed, deployment: ServiceDeployment): void {
  deployment.past = [...deployment.past, { until: bed.time.now(), was: { ...deployment, past: [] } }];
  deployment.updatedAt = bed.time.now();
}

export function moveTo(bed: Bed, deployment: ServiceDeployment, status: ServiceDeploymentStatus): void {
  remember(bed, deployment);
  deployment.status = status;
  if (status === "IN_PROGRESS") deployment.startedAt = bed.time.now();
}

/** Ends a service deployment; one that has ended stays as it is. */
export function finish(
  bed: Bed,
  deployment: ServiceDeployment,
  status: "SUCCESSFUL" | "STOPPED" | "ROLLBACK_SUCCESSFUL" | "ROLLBACK_FAILED",
  reason: string | undefined,
): void {
  if (isFinal(deployment.status)) return;
  moveTo(bed, deployment, status);
  deployment.statusReason = reason;
  deployment.finishedAt = bed.time.now();
  if (status !== "SUCCESSFUL") deployment.stoppedAt = bed.time.now();
}

function newDeployment(bed: Bed, revision: ServiceRevision, serviceDeployment: ServiceDeployment): Deployment {
  const id = `ecs-svc/${bed.names.decimal()}`;
  const now = bed.time.now();
  return {
    id,
    revision,
    serviceDeployment,
    status: "PRIMARY",
    rolloutState: "IN_PROGRESS",
    rolloutStateReason: rolloutReasons.inProgress(id),
    createdAt: now,
    updatedAt: now,
    failedTasks: 0,
    wanted: 0,
    rollback: false,
  };
}

function becomePrimary(bed: Bed, service: Service, deployment: Deployment): Deployment {
  const tasks = tasksOf(bed.state, service).filter(isLive);
  const replaced = service.deployments.filter((older) => older !== deployment);
  for (const older of replaced) {
    if (older.status === "PRIMARY") older.status = "ACTIVE";
    // Only what once completed is kept at strength while it is being replaced.
    older.wanted =
      older === service.lastCompleted && bed.rules.replacesFromOwnRevision
        ? tasks.filter((task) => task.deployment === older).length
        : 0;
  }
  deployment.status = "PRIMARY";
  service.deployments = [deployment, ...replaced];
  return deployment;
}

/** The PRIMARY deployment is no longer what is wanted. */
function supersede(bed: Bed, service: Service): void {
  const [replaced] = service.deployments;
  if (replaced?.rolloutState !== "IN_PROGRESS") return;
  const { serviceDeployment } = replaced;
  if (replaced.rollback || serviceDeployment.status === "ROLLBACK_REQUESTED") {
    finish(bed, serviceDeployment, bed.rules.supersededRollbackStatus, statusReasons.superseded);
  } else if (bed.rules.supersededStatus === "STOPPED") {
    finish(bed, serviceDeployment, "STOPPED", statusReasons.superseded);
  } else {
    moveTo(bed, serviceDeployment, "STOP_REQUESTED");
    serviceDeployment.statusReason = statusReasons.superseded;
  }
}

function openBreaker(bed: Bed, service: Service, failed: Deployment, rollback: boolean): void {
  const { serviceDeployment } = failed;
  serviceDeployment.breaker = "TRIGGERED";
  fail(bed, service, failed, rolloutReasons.failed());
  tell(bed, service, eventTexts.failed(failed));
  if (failed.rollback) {
    finish(bed, serviceDeployment, "ROLLBACK_FAILED", statusReasons.rollbackFailed);
  } else if (rollback) {
    goBack(bed, service, failed, statusReasons.breaker);
  } else {
    finish(bed, serviceDeployment, bed.rules.failedWithoutRollbackStatus, statusReasons.breakerWithoutRollback);
  }
}

function fail(bed: Bed, service: Service, deployment: Deployment, reason: string): void {
  deployment.rolloutState = "FAILED";
  deployment.rolloutStateReason = reason;
  deployment.updatedAt = bed.time.now();
  bed.wake(service);
}

function goBack(bed: Bed, service: Service, failed: Deployment, reason: string): void {
  const good = service.lastCompleted;
  const { serviceDeployment } = failed;
  if (good === null) {
    finish(bed, serviceDeployment, bed.rules.noCandidateStatus, statusReasons.noCandidate);
    return;
  }
  const now = bed.time.now();
  const same = bed.rules.rollbackDeploymentId === "same";
  const deployment = same ? good : newDeployment(bed, good.revision, serviceDeployment);
  deployment.serviceDeployment = serviceDeployment;
  deployment.rolloutState = "IN_PROGRESS";
  deployment.rolloutStateReason = rolloutReasons.rollingBack(deployment.id);
  deployment.createdAt = now;
  deployment.updatedAt = now;
  deployment.rollback = true;
  for (const task of tasksOf(bed.state, service)) {
    if (task.deployment !== good || !isLive(task)) continue;
    // What was kept at full count has only to be given its traffic again.
    const starts = bed.rules.rollbackStartsNewTasks && !isStaged(serviceDeployment.configuration);
    if (starts) task.outdated = same;
    else task.deployment = deployment;
  }
  tell(bed, service, eventTexts.rollingBack(deployment));
  becomePrimary(bed, service, deployment);
  failed.status = bed.rules.statusOfFailedWhileRollingBack;
  failed.rolloutState = bed.rules.stateOfFailedWhileRollingBack;
  service.lastCompleted = null;
  service.shape = good.revision.shape;
  service.launches = { failed: 0, held: false };
  moveTo(bed, serviceDeployment, "ROLLBACK_IN_PROGRESS");
  if (isStaged(serviceDeployment.configuration)) serviceDeployment.stage = "CLEAN_UP";
  serviceDeployment.traffic = 0;
  serviceDeployment.statusReason = reason;
  serviceDeployment.rollback = { reason, startedAt: now, revision: good.revision };
}
