export type { DeploymentClients } from "./clients.ts";
export { type Looks, sharedLooks } from "./looks.ts";
export { isOptionalCallRefused, observeDigests, observeServices } from "./observe.ts";
export { countOlderTasks } from "./stopped-tasks/read.ts";
export { roll } from "./roll.ts";
export type { Deployment, Digests, SeenDigests, ServiceNetwork, ServiceObservation } from "./service.ts";
export { applySettings } from "./settings.ts";
export { stop } from "./stop.ts";
export { takeBack } from "./take-back.ts";
