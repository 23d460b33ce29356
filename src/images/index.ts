export { openEcr } from "./access.ts";
export { applyImage } from "./apply.ts";
export { type ImageClients, openImages } from "./clients.ts";
export { applyCopy, type CopyObservation, observeCopy } from "./copy.ts";
export { type ImageObservation, imageIsThere, observeImage } from "./observe.ts";
export { type ImagePlan, planCopy, planImage } from "./plan.ts";
export type { Registry } from "./registry.ts";
export type { ImageRequest } from "./request.ts";
