import { clusterOperations } from "./api/clusters.ts";
import { serviceDeploymentOperations } from "./api/service-deployments.ts";
import { serviceOperations } from "./api/services.ts";
import { tagOperations } from "./api/tags.ts";
import { taskDefinitionOperations } from "./api/task-definitions.ts";
import { taskOperations } from "./api/tasks.ts";
import type { Bed, Operations } from "./bed.ts";
import { look } from "./scheduler.ts";
import { serviceView } from "./service-view.ts";
import type { Service } from "./state.ts";

/** Every operation of ECS that the bed plays. */
export const ecsOperations: Operations = {
  ...clusterOperations,
  ...taskDefinitionOperations,
  ...serviceOperations,
  ...serviceDeploymentOperations,
  ...taskOperations,
  ...tagOperations,
};

/** Operations that change nothing; before any other, what there is is remembered for stale reads. */
export function isRead(operation: string): boolean {
  return /^(Describe|List|Get|Discover)/.test(operation);
}

/** Remembers what a reader sees who has not heard of the write that comes now. */
export function rememberBefore(bed: Bed): void {
  const services = [...bed.state.services];
  bed.before = {
    services: new Map(services.map(([key, service]) => [key, serviceView(bed, service)])),
    arns: new Set(
      [
        ...services.flatMap(([, { serviceDeployments, revisions }]) => [...serviceDeployments, ...revisions]),
        ...bed.state.tasks.values(),
      ].map(({ arn }) => arn),
    ),
  };
}

/** Has the scheduler look at a service soon; what happens until then is seen in one look. */
export function wake(bed: Bed, service: Service): void {
  if (service.woken) return;
  service.woken = true;
  bed.time.later(bed.rules.schedulingSeconds, () => {
    service.woken = false;
    look(bed, service);
  });
}
