import type { Bed } from "./bed.ts";
import { healthStatusOf } from "./health.ts";
import type { Target, Task } from "./state.ts";

/** A task behind a target group. */
export interface RegisteredTarget extends Pick<Target, "port" | "state" | "reason"> {
  readonly taskId: string;
  readonly address: string;
}

/** A task behind a Cloud Map name. */
export interface RegisteredInstance {
  readonly taskId: string;
  readonly address: string;
  readonly healthy: boolean;
}

export function registeredTargets(bed: Bed, targetGroupArn: string): readonly RegisteredTarget[] {
  return tasks(bed).flatMap((task) =>
    (task.targets ?? [])
      .filter((target) => target.targetGroupArn === targetGroupArn)
      .map(({ port, state, reason }) => ({ taskId: task.id, address: task.address ?? "", port, state, reason })),
  );
}

export function registeredInstances(bed: Bed, registryArn: string): readonly RegisteredInstance[] {
  return tasks(bed)
    .filter((task) => task.named && registriesOf(task).some((one) => one.registryArn === registryArn))
    .map((task) => ({ taskId: task.id, address: task.address ?? "", healthy: healthStatusOf(task) !== "UNHEALTHY" }));
}

/** `<service>.<namespace>` as DNS would answer it; null when no such name is known. */
export function resolveName(bed: Bed, name: string): readonly RegisteredInstance[] | null {
  const { names, namespaces } = bed.neighbours;
  const known = [...names.values()].find(
    (service) => `${service.name}.${namespaces.get(service.namespaceId)?.name ?? ""}` === name,
  );
  return known === undefined ? null : registeredInstances(bed, known.arn);
}

function registriesOf(task: Task) {
  return task.deployment?.revision.shape.settings.serviceRegistries ?? [];
}

function tasks(bed: Bed): readonly Task[] {
  return [...bed.state.tasks.values()];
}
