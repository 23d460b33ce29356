export { publishDags, switchDags } from "./apply.ts";
export type { DagsChanges } from "./compare.ts";
export { explainDags, explainFiles } from "./explain.ts";
export { type DagsObservation, observeDags, observeReturn } from "./observe.ts";
export { type DagsPlan, planDags, planReturn, type Switch } from "./plan.ts";
export type { DagsRequest, ReturnTo } from "./request.ts";
