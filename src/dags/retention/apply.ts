import type { Bucket, Stored } from "../../aws/bucket.ts";
import {
  dagsKeys,
  dagsManifestSchema,
  type DagsPointer,
  dagsPointerSchema,
  type DagsVersion,
} from "../../domain/dags.ts";

/**
 * Removes versions: of each the manifest first, without which it is none. It ends as soon as somebody has switched meanwhile, maybe to one
 * of them.
 * @param pointer as it was when it was decided that they may go
 * @returns those that are gone
 */
export async function removeVersions(
  store: Bucket,
  pointer: Stored<DagsPointer>,
  versions: readonly DagsVersion[],
): Promise<readonly DagsVersion[]> {
  const gone: DagsVersion[] = [];
  for (const version of versions) {
    const manifest = await store.read(dagsKeys.manifest(version), dagsManifestSchema);
    if (manifest === null) continue;
    const now = await store.read(dagsKeys.pointer, dagsPointerSchema);
    if (now?.etag !== pointer.etag) break;
    await store.removeAll([dagsKeys.manifest(version), dagsKeys.archive(manifest.value)]);
    gone.push(version);
  }
  return gone;
}
