import type { Context } from "../domain/context.ts";
import type { Digest, Platform } from "../domain/identifiers.ts";
import type { ImagePart } from "../domain/release.ts";
import { downloadBlob, hasBlob, mountBlob, uploadBlob } from "./blobs.ts";
import type { ImageClients } from "./clients.ts";
import { type Descriptor, membersOf, readManifest, type StoredManifest } from "./manifest.ts";
import { getManifest, headManifest, putManifest } from "./manifests.ts";
import { noRepository } from "./refusal.ts";
import type { Registry } from "./registry.ts";
import { inScratch } from "./scratch.ts";

/** An image that was made before, wherever it is, and is wanted in a repository of the account's own registry. */
export interface CopyRequest {
  /** As a release of another environment pins it. */
  readonly image: ImagePart;
  /** Where it is wanted. */
  readonly repository: string;
  readonly platform: Platform;
}

/** Where the image is. */
export interface CopyObservation {
  readonly request: CopyRequest;
  /** Is it where it is wanted? */
  readonly isHere: boolean;
  /** Where it can be had; null when it is here, and when it is nowhere. */
  readonly from: Registry | null;
}

/**
 * Looks for an image by its digest: here first, then where it comes from.
 * @param open opens that other registry, which may be this one
 * @throws UserError when the repository in which it is wanted is not there
 */
export async function observeCopy(
  { registry }: ImageClients,
  open: () => Promise<Registry>,
  request: CopyRequest,
): Promise<CopyObservation> {
  const { image, repository } = request;
  const here = await getManifest(registry, repository, image.digest);
  if (here.kind === "found") return { request, isHere: true, from: null };
  if (here.kind === "no-repository") throw noRepository(repository, registry.endpoint);
  const from = await open();
  const there = await headManifest(from, image.repository, image.digest);
  return { request, isHere: false, from: there === null ? null : from };
}

/**
 * Brings the image here: the very bytes of its manifest, so that the digest stays, and every blob that is not here yet. Whatever an
 * attempt that was cut has brought is found again. It gets the tag of its content, since lifecycle rules remove what has none.
 * @throws UserError when it is nowhere, or one of the registries refuses
 */
export async function applyCopy(
  { registry, scratch }: ImageClients,
  { report, signal }: Context,
  { request, isHere, from }: CopyObservation,
): Promise<ImagePart> {
  const { image, repository } = request;
  const part = { ...image, repository };
  if (isHere) return part;
  if (from === null) throw new Error(`${image.repository}@${image.digest} is to be copied, and is nowhere`);
  const places = { from: { registry: from, repository: image.repository }, to: { registry, repository } };
  const stored = await inScratch(scratch, (folder) => copyManifest(places, image.digest, folder, signal));
  const named = await putManifest(registry, repository, `src-${image.contentKey}`, stored);
  if (named.kind !== "stored")
    report({
      kind: "line",
      text: `${repository}@${image.digest} has no tag: src-${image.contentKey} is another image's`,
    });
  report({ kind: "line", text: `Copied ${image.repository}@${image.digest}` });
  return part;
}

interface Place {
  readonly registry: Registry;
  readonly repository: string;
}

interface Places {
  readonly from: Place;
  readonly to: Place;
}

/** What a manifest names must be there before itself: blobs of an image, images of an index. */
async function copyManifest(
  places: Places,
  digest: Digest,
  folder: string,
  signal: AbortSignal,
): Promise<StoredManifest> {
  const { from, to } = places;
  const found = await getManifest(from.registry, from.repository, digest);
  if (found.kind !== "found") throw new Error(`${from.repository}@${digest} is not there any more`);
  const members = membersOf(found.manifest);
  for (const member of members) await copyManifest(places, member, folder, signal);
  if (members.length === 0) {
    const { config, layers } = readManifest(found.manifest);
    await Promise.all(distinct([config, ...layers]).map((blob) => copyBlob(places, blob, folder, signal)));
  }
  await putManifest(to.registry, to.repository, digest, found.manifest);
  return found.manifest;
}

async function copyBlob({ from, to }: Places, blob: Descriptor, folder: string, signal: AbortSignal): Promise<void> {
  if (await hasBlob(to.registry, to.repository, blob.digest)) return;
  const isNear = from.registry.endpoint === to.registry.endpoint;
  if (isNear && (await mountBlob(to.registry, to.repository, from.repository, blob.digest))) return;
  const path = `${folder}/${blob.digest.slice("sha256:".length)}`;
  const content = await downloadBlob(from.registry, from.repository, blob, path, signal);
  await uploadBlob(to.registry, to.repository, content, { ask: false });
}

/** An image may hold one layer twice. */
function distinct(blobs: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}
