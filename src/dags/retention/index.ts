export { removeVersions } from "./apply.ts";
export { publishedVersions } from "./observe.ts";
export { planRetention, type RetentionObservation, type RetentionRequest } from "./plan.ts";
