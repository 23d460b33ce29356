import type { Bed } from "./bed.ts";
import type { Deployment, Service, Task } from "./state.ts";

/*
 * Service events and reasons in AWS's words, as they stand in answers that people have published. Final punctuation and
 * details differ between accounts and years, so nothing should ever be decided by them.
 */

/** Adds an event; the oldest beyond the limit is forgotten. */
export function tell(bed: Bed, service: Service, words: string): void {
  const event = { id: bed.names.uuid(), createdAt: bed.time.now(), message: `(service ${service.name}) ${words}` };
  service.events = [event, ...service.events].slice(0, bed.rules.eventsKept);
}

export const eventTexts = {
  started: (tasks: readonly Task[], replacesUnhealthy: number) =>
    `has started ${tasks.length} tasks: ${listed(tasks)}.` +
    (replacesUnhealthy > 0 ? ` Amazon ECS replaced ${replacesUnhealthy} tasks due to an unhealthy status.` : ""),
  stopped: (tasks: readonly Task[]) => `has stopped ${tasks.length} running tasks: ${listed(tasks)}.`,
  stoppedPending: (tasks: readonly Task[]) => `stopped ${tasks.length} pending tasks.`,
  registered: (targetGroupArn: string) => `registered 1 targets in (target-group ${targetGroupArn})`,
  deregistered: (targetGroupArn: string) => `deregistered 1 targets in (target-group ${targetGroupArn})`,
  draining: () => "has begun draining connections on 1 tasks.",
  completed: ({ id }: Deployment) => `(deployment ${id}) deployment completed.`,
  steady: () => "has reached a steady state.",
  failed: ({ id }: Deployment) => `(deployment ${id}) deployment failed: tasks failed to start.`,
  rollingBack: ({ id }: Deployment) => `rolling back to deployment ${id}.`,
  failedContainerCheck: ({ id }: Task) => `(task ${id}) failed container health checks.`,
  unhealthyTarget: ({ id }: Task, port: number, targetGroupArn: string, reason: string) =>
    `(task ${id}) (port ${port}) is unhealthy in (target-group ${targetGroupArn}) due to (reason ${reason})`,
  unplaced: (reason: string) => `was unable to place a task. Reason: ${reason}.`,
  inconsistent: () => "is unable to consistently start tasks successfully.",
} as const;

export const rolloutReasons = {
  inProgress: (id: string) => `ECS deployment ${id} in progress.`,
  completed: (id: string) => `ECS deployment ${id} completed.`,
  failed: () => "ECS deployment circuit breaker: tasks failed to start.",
  rollingBack: (id: string) => `ECS deployment circuit breaker: rolling back to deploymentId ${id}.`,
  stopped: (id: string) => `ECS deployment ${id} was stopped.`,
} as const;

export const statusReasons = {
  breaker: "Service deployment rolled back because the circuit breaker threshold was exceeded.",
  breakerWithoutRollback: "Service deployment stopped because the circuit breaker threshold was exceeded.",
  noCandidate: "No rollback candidate was found to run the rollback.",
  requested: "Service deployment rolled back because it was stopped by a user.",
  hook: "Service deployment rolled back because a lifecycle hook failed or timed out.",
  superseded: "Service deployment stopped because a newer service deployment was started.",
  rollbackFailed: "The rollback did not reach a steady state.",
} as const;

export const stoppedReasons = {
  scaling: ({ id }: Deployment) => `Scaling activity initiated by (deployment ${id})`,
  essentialExited: "Essential container in task exited",
  failedContainerCheck: "Task failed container health checks",
  failedTargetCheck: (targetGroupArn: string) => `Task failed ELB health checks in (target-group ${targetGroupArn})`,
  serviceDeleted: ({ name }: Service) => `Service ${name} was deleted`,
} as const;

function listed(tasks: readonly Task[]): string {
  return tasks.map(({ id }) => `(task ${id})`).join(" ");
}
