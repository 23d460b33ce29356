export { openEcr } from "./access.ts";
export { applyImage } from "./apply.ts";
export { repositoriesBeneath } from "./beneath.ts";
export { type Folders, type ImageClients, once, openImages } from "./clients.ts";
export { applyCopy, type CopyObservation, observeCopy } from "./copy.ts";
export type { BuildSecret, DockerRequest } from "./docker/request.ts";
export { checkEngine, testImage } from "./docker/test-image.ts";
export { cacheTag } from "./docker/cache-tag.ts";
export { keptPackages } from "./kept-packages.ts";
export { layOut } from "./lay-out.ts";
export type { Lock } from "./lock.ts";
export {
  applyMaking,
  type LayersObservation,
  type MakingObservation,
  type MakingRequest,
  observeMaking,
  planMaking,
} from "./making.ts";
export { type ImageObservation, imageIsThere, observeImage } from "./observe.ts";
export { type ImagePlan, planCopy, planImage } from "./plan.ts";
export { type Hold, observeHold, protectImage } from "./protect.ts";
export type { Inspect, Inspection, MadeImage } from "./publish.ts";
export { packagesFolder } from "./packages.ts";
export { platformsIn } from "./platforms.ts";
export type { Registry } from "./registry.ts";
export type { ImageRequest } from "./request.ts";
export { inScratch } from "./scratch.ts";
export { openShelf } from "./shelf.ts";
export type { ScanRule } from "./scan/judge.ts";
export { scanImage } from "./scan/scan.ts";
export { installWheels } from "./wheels.ts";
