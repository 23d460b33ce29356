import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Bucket } from "../aws/bucket.ts";
import { dagsKeys, type DagsManifest } from "../domain/dags.ts";
import { UserError } from "../domain/errors.ts";
import type { TreeEntry } from "../files/archive.ts";
import { readTar } from "../files/read-tar.ts";

/** The bytes of the files of a version, by path. Links have none. */
export type Contents = (path: string) => Uint8Array;

/** As the checkout has them when they are asked for. */
export function contentsOfFolder(entries: readonly TreeEntry[]): Contents {
  const files = new Map(
    entries.flatMap((entry) =>
      entry.kind === "file" && entry.content.kind === "disk" ? [[entry.path, entry.content.file] as const] : [],
    ),
  );
  return (path) => {
    const file = files.get(path);
    if (file === undefined) throw new Error(`${path} is no file of the folder`);
    return readFileSync(file);
  };
}

/** As they were published. @throws UserError when the archive is gone, or is not what its manifest says */
export async function contentsOfVersion(store: Bucket, manifest: DagsManifest): Promise<Contents> {
  const key = dagsKeys.archive(manifest);
  const bytes = await store.fetch(key);
  if (bytes === null || `sha256:${hash("sha256", bytes, "hex")}` !== manifest.archive.digest) {
    throw new UserError({
      what: `The archive of version ${manifest.version} ${bytes === null ? "is gone" : "has other content than its manifest says"}.`,
      where: `s3://${store.name}/${store.prefix}${key}`,
      fix: "Publish it anew: check its commit out, and run this without `to`.",
    });
  }
  const files = new Map<string, Uint8Array>();
  const whole = (async function* () {
    yield await Promise.resolve(gunzipSync(bytes));
  })();
  for await (const { path, bytes: content } of readTar(whole, () => true))
    if (content !== null) files.set(path, content);
  return (path) => {
    const content = files.get(path);
    if (content === undefined) throw new Error(`${path} is no file of version ${manifest.version}`);
    return content;
  };
}
