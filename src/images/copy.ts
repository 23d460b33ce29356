import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Digest, Platform } from "../domain/identifiers.ts";
import type { ImagePart } from "../domain/release.ts";
import { downloadBlob, hasBlob, mountBlob, uploadBlob } from "./blobs.ts";
import type { ImageClients } from "./clients.ts";
import { contentTag } from "./content-key.ts";
import { type Descriptor, membersOf, readManifest, type StoredManifest } from "./manifest.ts";
import { getManifest, headManifest, putManifest } from "./manifests.ts";
import { tagNeverMoves } from "./plan.ts";
import type { Registry } from "./registry.ts";
import { noRepository } from "./repository.ts";
import { inScratch } from "./scratch.ts";

/** An image that was made before, wherever it is, and is wanted in a repository of the account's own registry. */
export interface CopyRequest {
  /** As a release of another environment pins it. */
  readonly image: ImagePart;
  /** Where it is wanted. */
  readonly repository: string;
  readonly platform: Platform;
  /** It may be brought here from another registry. */
  readonly mayCopy: boolean;
}

/** Where the image is. */
export interface CopyObservation {
  readonly request: CopyRequest;
  /** Where it can be had; null: it is where it is wanted. */
  readonly from: Registry | null;
}

/**
 * Looks for an image by its digest: here first, then where it comes from.
 * @param open opens that other registry, which may be this one
 * @throws UserError when the repository in which it is wanted is not there, the image is nowhere, or is elsewhere and may not be
 * copied: no `checks:` of a stack file can make that go well
 */
export async function observeCopy(
  { registry }: ImageClients,
  open: () => Promise<Registry>,
  request: CopyRequest,
): Promise<CopyObservation> {
  const { image, repository, mayCopy } = request;
  const here = await getManifest(registry, repository, image.digest);
  if (here.kind === "found") return { request, from: null };
  if (here.kind === "no-repository") throw noRepository(repository, registry.endpoint);
  const from = await open();
  const there = await headManifest(from, image.repository, image.digest);
  if (there === null) throw nowhere(request);
  if (!mayCopy) throw notCopied(request);
  return { request, from };
}

/**
 * Brings the image here: the very bytes of its manifest, so that the digest stays, and every blob that is not here yet. Whatever an
 * attempt that was cut has brought is found again. It has a tag from the moment it is here, since lifecycle rules remove what has
 * none, and nobody looks again for the tag of an image that is here.
 * @throws UserError when one of the registries refuses, or its tags name other images
 */
export async function applyCopy(
  { registry, scratch }: ImageClients,
  { report, signal }: Context,
  { request, from }: CopyObservation,
): Promise<ImagePart> {
  const { image, repository } = request;
  const part = { ...image, repository };
  if (from === null) return part;
  const places = { from: { registry: from, repository: image.repository }, to: { registry, repository } };
  const stored = await inScratch(scratch, (folder) => bringContents(places, image.digest, folder, signal));
  await putNamed(places.to, tagsOf(image), stored);
  report({ kind: "line", text: `Copied ${image.repository}@${image.digest}` });
  return part;
}

/** The tag of its content; and the one that it gets when another image of that content was made here. */
function tagsOf({ contentKey, digest }: ImagePart): readonly string[] {
  const key = contentTag(contentKey);
  return [key, `${key}-${digest.slice("sha256:".length, "sha256:".length + 12)}`];
}

/** Puts a manifest under the first of these tags that is free. A registry that lets tags move would move it: so it is asked first. */
async function putNamed(
  { registry, repository }: Place,
  tags: readonly string[],
  stored: StoredManifest,
): Promise<void> {
  for (const tag of tags) {
    const named = await headManifest(registry, repository, tag);
    if (named !== null && named !== stored.digest) continue;
    if ((await putManifest(registry, repository, tag, stored)).kind === "stored") return;
  }
  throw new UserError({
    what: `The image ${stored.digest} gets no tag here: ${tags.join(" and ")} name other images.`,
    where: repository,
    fix: tagNeverMoves,
  });
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
async function bringContents(
  places: Places,
  digest: Digest,
  folder: string,
  signal: AbortSignal,
): Promise<StoredManifest> {
  const { from, to } = places;
  const found = await getManifest(from.registry, from.repository, digest);
  if (found.kind !== "found") throw new Error(`${from.repository}@${digest} is not there any more`);
  const members = membersOf(found.manifest);
  for (const member of members) {
    const stored = await bringContents(places, member, folder, signal);
    await putManifest(to.registry, to.repository, member, stored);
  }
  if (members.length === 0) {
    const { config, layers } = readManifest(found.manifest);
    await Promise.all(distinct([config, ...layers]).map((blob) => copyBlob(places, blob, folder, signal)));
  }
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

function nowhere({ image, repository }: CopyRequest): UserError {
  return new UserError({
    what: "No registry has the image any more, neither this one nor the one that it was made in.",
    where: `${repository}@${image.digest}`,
    fix: "Deploy that commit to its environment again: the image is made again. Then promote that release.",
  });
}

function notCopied({ image, repository }: CopyRequest): UserError {
  return new UserError({
    what: "The registry that this environment pulls from does not have the image; the one that it was made in does.",
    where: `${repository}@${image.digest}`,
    fix: "Let it be copied: `copy-images: true` of build-push-image, or of the root action. Or let ECR replicate the repository to this account and region.",
  });
}
