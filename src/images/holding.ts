import type { Advice } from "../domain/errors.ts";
import type { Digest } from "../domain/identifiers.ts";
import type { ImagePart } from "../domain/release.ts";
import type { ImageClients } from "./clients.ts";
import { contentTag } from "./content-key.ts";
import { readImage } from "./dependencies.ts";
import { platformsOf, type StoredManifest } from "./manifest.ts";
import { getManifest, headManifest } from "./manifests.ts";
import type { CommitTag } from "./naming.ts";
import { noRepository } from "./repository.ts";
import type { WantedImage } from "./request.ts";

/** What is known of an image that is wanted, however it is made. */
export interface Observed<Recorded> extends Omit<Holding, "ofSha"> {
  readonly request: WantedImage;
  readonly contentKey: string;
  readonly commitTag: CommitTag;
  readonly former: Former<Recorded> | null;
  /** What this job has not, and making the image takes; null: nothing, or it is there already. */
  readonly lacks: Advice | null;
}

/** What the registry has of a content. */
export interface Holding {
  readonly hasRepository: boolean;
  /** The image of this very content, when it was made before. */
  readonly found: StoredManifest | null;
  /** The current release's pin of the image that was found: it keeps the commit that it was made of, and the tag of that. */
  readonly kept: ImagePart | null;
  /** What the bare SHA of the commit names. */
  readonly ofSha: Digest | null;
}

/** The image that is released now, as its record and its label tell of it. */
export interface Former<Recorded> {
  readonly contentKey: string;
  /** Null: it does not tell. */
  readonly inputs: Recorded | null;
}

/**
 * Asks the registry for the image of a content.
 * @param released the image as the current release pins it
 * @throws UserError for a repository that is not there and is not to be made
 */
export async function findHolding(
  { registry }: ImageClients,
  request: WantedImage,
  contentKey: string,
  released: ImagePart | null,
): Promise<Holding> {
  const { repository, source, isDirty, createRepository, place } = request;
  const [lookup, ofSha] = await Promise.all([
    getManifest(registry, repository, contentTag(contentKey)),
    isDirty ? null : headManifest(registry, repository, source.sha),
  ]);
  const hasRepository = lookup.kind !== "no-repository";
  if (!hasRepository && createRepository === null) throw noRepository(repository, registry.endpoint, place !== null);
  const found = lookup.kind === "found" ? lookup.manifest : null;
  const isKept = found !== null && released?.repository === repository && released.digest === found.digest;
  return { hasRepository, found, kept: isKept ? released : null, ofSha };
}

/**
 * The released image, to say what has changed since; null when nothing is to be made, or it is in another repository.
 * @param read reads what the label says
 */
export async function readFormer<Recorded>(
  { registry }: ImageClients,
  { found, hasRepository }: Pick<Holding, "found" | "hasRepository">,
  { repository }: WantedImage,
  released: ImagePart | null,
  { label, read }: { readonly label: string; readonly read: (text: string | undefined) => Recorded | null },
): Promise<Former<Recorded> | null> {
  if (found !== null || !hasRepository || released?.repository !== repository) return null;
  const { digest, contentKey, platform } = released;
  const lookup = await getManifest(registry, repository, digest);
  const child = lookup.kind === "found" ? platformsOf(lookup.manifest)?.get(platform) : undefined;
  const ofPlatform = child === undefined ? lookup : await getManifest(registry, repository, child);
  if (ofPlatform.kind !== "found") return { contentKey, inputs: null };
  const { config } = await readImage(registry, repository, ofPlatform.manifest);
  return { contentKey, inputs: read(config.config?.Labels?.[label]) };
}
