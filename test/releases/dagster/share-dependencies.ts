import { cacheFolder } from "../../cache-folder.ts";
import type { Bed } from "../../local-aws/bed.ts";
import type { BaseImage } from "../../local-aws/infrastructure/base-image.ts";
import { keepImages, putBack } from "./keep-images.ts";

/**
 * Packages of a lock file are installed, compiled and packed by the product once, and kept between beds: a minute of processor each
 * time. Whether they are taken is the product's decision, by base and lock file, as with any registry that has them.
 *
 * @returns keeps those that were made meanwhile; to be called while the bed still runs
 */
export async function shareDependencies(
  bed: Bed,
  base: BaseImage,
  repositories: readonly string[],
): Promise<() => Promise<void>> {
  const all = repositories.map((name) => ({
    repository: { registry: bed.url, repository: name },
    folder: cacheFolder("built-layers", "dependencies", base.digest.slice(7, 23), name.replaceAll("/", "-")),
  }));
  for (const { repository, folder } of all) await putBack(repository, folder);
  return async () => {
    for (const { repository, folder } of all) await keepImages(repository, (tag) => tag.startsWith("deps-"), folder);
  };
}
