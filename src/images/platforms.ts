import type { ImageClients } from "./clients.ts";
import { readImage } from "./dependencies.ts";
import { nameOf, platformsOf } from "./manifest.ts";
import { getManifest } from "./manifests.ts";

/**
 * Platforms that an image of the own registry is made for.
 * @param reference digest or tag
 * @returns null when it is not there
 */
export async function platformsIn(
  { registry }: Pick<ImageClients, "registry">,
  repository: string,
  reference: string,
): Promise<readonly string[] | null> {
  const found = await getManifest(registry, repository, reference);
  if (found.kind !== "found") return null;
  const several = platformsOf(found.manifest);
  if (several !== null) return [...several.keys()];
  const { config } = await readImage(registry, repository, found.manifest);
  return [nameOf(config)];
}
