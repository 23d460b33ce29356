import type { Bucket } from "../aws/bucket.ts";
import { dagsKeys, type DagsManifest, dagsManifestSchema } from "../domain/dags.ts";

/**
 * Makes a version of an archive that is there. Of the same files another manifest is as good, unless it names an archive that is gone: the
 * same files may have been packed to other bytes.
 */
export async function keepManifest(store: Bucket, manifest: DagsManifest): Promise<void> {
  const key = dagsKeys.manifest(manifest.version);
  if ((await store.create(key, manifest)) !== null) return;
  const there = await store.read(key, dagsManifestSchema);
  if (there === null || (await store.has(dagsKeys.archive(there.value)))) return;
  await store.replace(key, manifest, there.etag);
}
