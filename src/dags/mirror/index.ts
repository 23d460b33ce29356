export { writeMirror } from "./apply.ts";
export { explainMirror } from "./explain.ts";
export { type PlainFiles, withoutLinks } from "./links.ts";
export { type MirrorObservation, observeMirror } from "./observe.ts";
export { type MirrorPlan, planMirror } from "./plan.ts";
export type { MirrorRequest } from "./request.ts";
