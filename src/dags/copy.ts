import { hash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import type { Bucket } from "../aws/bucket.ts";
import { dagsKeys, type DagsManifest, dagsVersion } from "../domain/dags.ts";
import { messageOf, UserError } from "../domain/errors.ts";
import { readTar } from "../files/read-tar.ts";
import { keepManifest } from "./manifest.ts";

/** A version that lies under another prefix, which is to be had under this one too. */
export interface DagsCopy {
  readonly from: Bucket;
  readonly manifest: DagsManifest;
}

/**
 * Copies a version as it is, manifest and all, once its bytes were seen to be what it says: the files, each with its hash, and the
 * version's name. Cut at any point, it is finished by whoever does it again.
 * @throws UserError when it is gone there, or is not what it says; AwsError
 */
export async function copyDags(store: Bucket, { from, manifest }: DagsCopy): Promise<void> {
  const key = dagsKeys.archive(manifest);
  const bytes = await from.fetch(key);
  const fault = bytes === null ? "its archive is gone" : await faultOf(bytes, manifest);
  if (bytes === null || fault !== null) {
    throw new UserError({
      what: `Version ${manifest.version} cannot be copied: ${fault ?? "its archive is gone"}.`,
      where: `s3://${from.name}/${from.prefix}${key}`,
      fix: "Publish it anew there: check its commit out, and deploy it. Nothing was written here.",
    });
  }
  const archive = { bytes, sha256: manifest.archive.digest.slice("sha256:".length) };
  await store.keep(key, archive);
  await keepManifest(store, manifest);
  // Who removes old versions may have taken the archive in between.
  if (!(await store.has(key))) await store.keep(key, archive);
}

/** In what an archive is not what its manifest says, as a clause; null: it is. */
async function faultOf(bytes: Uint8Array, { version, files, archive }: DagsManifest): Promise<string | null> {
  if (`sha256:${hash("sha256", bytes, "hex")}` !== archive.digest) return "its archive has other content than it says";
  if (dagsVersion(files) !== version) return "its files are not those that it is named by";
  const seen = new Set<string>();
  try {
    const whole = (async function* () {
      yield await Promise.resolve(gunzipSync(bytes));
    })();
    for await (const { path, kind, target, bytes: content } of readTar(whole, () => true)) {
      if (kind === "directory") continue;
      const file = Object.hasOwn(files, path) ? files[path] : undefined;
      const isSame =
        file !== undefined &&
        ("link" in file
          ? kind === "symlink" && target === file.link
          : kind === "file" && content !== null && hash("sha256", content, "hex") === file.sha256);
      if (!isSame) return `${path} in its archive is not what its manifest says`;
      seen.add(path);
    }
  } catch (error) {
    return `its archive cannot be read: ${messageOf(error)}`;
  }
  const missing = Object.keys(files).find((path) => !seen.has(path));
  return missing === undefined ? null : `${missing} is not in its archive`;
}
