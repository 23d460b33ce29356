export { applyImage } from "./apply.ts";
export { type ImageClients, openImages } from "./clients.ts";
export { type ImageObservation, imageIsThere, observeImage } from "./observe.ts";
export { type ImagePlan, planImage } from "./plan.ts";
export type { FileMapping, ImageRequest } from "./request.ts";
