export type { DeploymentClients } from "./clients.ts";
export type { CauseId } from "./explain.ts";
export { observeServices } from "./observe.ts";
export { planRoll, type RollPlan } from "./plan.ts";
export type { RollRequest } from "./request.ts";
export { roll } from "./roll.ts";
export type { Deployment, Digests, RolloutSettings, ServiceNetwork, ServiceObservation } from "./service.ts";
export { stop, type StopRequest } from "./stop.ts";
export { takeBack, type TakeBackRequest, takeDown } from "./take-back.ts";
