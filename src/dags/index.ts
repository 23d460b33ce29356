export { publishDags, switchDags } from "./apply.ts";
export { compareFiles, type DagsChanges } from "./compare.ts";
export { type Contents, contentsOfFolder, contentsOfVersion } from "./contents.ts";
export { copyDags, type DagsCopy } from "./copy.ts";
export { explainDags, explainFiles } from "./explain.ts";
export * from "./mirror/index.ts";
export * from "./retention/index.ts";
export {
  type DagsFolder,
  type DagsObservation,
  examine,
  observeDags,
  observeReturn,
  readFolder,
  type ReturnObservation,
} from "./observe.ts";
export { type DagsPlan, planDags, planReturn, type Switch } from "./plan.ts";
export type { DagsRequest, ReturnTo, Validation } from "./request.ts";
