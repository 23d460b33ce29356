import type { Bed } from "./bed.ts";
import type { Target, Task } from "./state.ts";

/** Does the task count towards the healthy ones? `API_DeploymentConfiguration.html`, minimumHealthyPercent. */
export function countsAsHealthy(task: Task): boolean {
  if (task.lastStatus !== "RUNNING" || task.desiredStatus !== "RUNNING" || task.condemned !== null) return false;
  const checked = task.containers.filter(({ essential, checked: hasCheck }) => essential && hasCheck);
  const targets = task.targets ?? [];
  if (checked.length === 0 && targets.length === 0) return task.settled;
  return checked.every(({ health }) => health === "HEALTHY") && targets.every(({ state }) => state === "healthy");
}

/** `healthStatus` of a task: the worst of its essential containers, UNKNOWN while one has not answered. */
export function healthStatusOf(task: Task): "HEALTHY" | "UNHEALTHY" | "UNKNOWN" {
  const checked = task.containers.filter(({ essential, checked: hasCheck }) => essential && hasCheck);
  if (checked.some(({ health }) => health === "UNHEALTHY")) return "UNHEALTHY";
  return checked.length > 0 && checked.every(({ health }) => health === "HEALTHY") ? "HEALTHY" : "UNKNOWN";
}

export type Complaint = { readonly kind: "container" } | { readonly kind: "target"; readonly target: Target };

/** Why the scheduler should replace a running task; null when there is no reason, or the grace period still runs. */
export function complaintAbout(bed: Bed, task: Task): Complaint | null {
  if (task.lastStatus !== "RUNNING" || task.desiredStatus !== "RUNNING") return null;
  const graceSeconds = task.service?.healthCheckGracePeriodSeconds ?? 0;
  if (bed.time.now() < (task.startedAt ?? 0) + graceSeconds * 1000) return null;
  if (healthStatusOf(task) === "UNHEALTHY") return { kind: "container" };
  const target = task.targets?.find(({ state }) => state === "unhealthy");
  return target === undefined ? null : { kind: "target", target };
}
