import type { Bed } from "./bed.ts";
import { countFailure } from "./deployments.ts";
import { eventTexts, tell } from "./events.ts";
import type { Deployment, Service, Task } from "./state.ts";
import { startTask, type TaskChange } from "./task-life.ts";

/** Starts a task for a deployment of a service, and takes note of how it fares. */
export function startServiceTask(bed: Bed, service: Service, deployment: Deployment): Task {
  const { definition, settings } = deployment.revision.shape;
  return startTask(
    bed,
    {
      cluster: service.cluster,
      definition,
      overrides: {},
      startedBy: deployment.id,
      group: `service:${service.name}`,
      launchType: service.launchType,
      network: settings.networkConfiguration?.awsvpcConfiguration,
      service,
      deployment,
    },
    (task, change) => note(bed, service, task, change),
  );
}

function note(bed: Bed, service: Service, task: Task, change: TaskChange): void {
  for (const { name, digest } of task.containers) {
    if (digest !== undefined) task.deployment?.revision.digests.set(name, digest);
  }
  if (task.lastStatus === "RUNNING") service.launches.failed = 0;
  if (change === "ended") noteEnd(bed, service, task);
  bed.wake(service);
}

/** Did it end by a failure that counts, and must the next start wait? */
function noteEnd(bed: Bed, service: Service, task: Task): void {
  if (task.stopCode !== "TaskFailedToStart" && task.stopCode !== "EssentialContainerExited") return;
  const unstarted = task.startedAt === undefined;
  if (task.stopCode === "TaskFailedToStart") tell(bed, service, eventTexts.unplaced(task.stoppedReason ?? ""));
  if (unstarted) holdBack(bed, service);
  const counts = unstarted || bed.rules.plainExitCounts;
  if (counts && task.condemned === null && task.deployment !== null) countFailure(bed, service, task.deployment);
}

/** Source of the doubling wait: service-throttle-logic.html in the developer guide. */
function holdBack(bed: Bed, service: Service): void {
  const { launches } = service;
  const { backOffAfter, backOffSeconds, backOffLongestSeconds } = bed.rules;
  launches.failed += 1;
  if (launches.failed < backOffAfter || launches.held) return;
  const seconds = Math.min(backOffLongestSeconds, backOffSeconds * 2 ** (launches.failed - backOffAfter));
  launches.held = true;
  tell(bed, service, eventTexts.inconsistent());
  bed.time.later(seconds, () => {
    launches.held = false;
    bed.wake(service);
  });
}
