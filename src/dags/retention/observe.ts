import type { Bucket } from "../../aws/bucket.ts";
import { dagsKeys, type DagsVersion, dagsVersionSchema } from "../../domain/dags.ts";

/** Every version that was published, and when: milliseconds since 1970. @param store at the location's prefix */
export async function publishedVersions(
  store: Bucket,
): Promise<readonly { readonly version: DagsVersion; readonly at: number }[]> {
  const objects = await store.objects(dagsKeys.versions);
  return objects.flatMap(({ key, modifiedAt }) => {
    const version = dagsVersionSchema.safeParse(key.slice(dagsKeys.versions.length).replace(/\.json$/, ""));
    return version.success ? [{ version: version.data, at: modifiedAt }] : [];
  });
}
