import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import type { Digest } from "../domain/identifiers.ts";
import type { ImageClients } from "./clients.ts";
import { contentTag } from "./content-key.ts";
import type { Holding } from "./holding.ts";
import type { StoredManifest } from "./manifest.ts";
import { getManifest, headManifest, type Put, putManifest } from "./manifests.ts";
import { commitTagTaken } from "./plan.ts";
import type { Registry } from "./registry.ts";
import type { WantedImage } from "./request.ts";

/**
 * The tag by which the commit names the image: its SHA. One commit may give several images, though (two in one repository, an
 * environment that sets other files, a base that moved), and a tag that was given never moves: then SHA and content key.
 */
export interface CommitTag {
  readonly name: string;
  /** What it names already. */
  readonly digest: Digest | null;
}

type Named = Pick<WantedImage, "repository" | "source">;

/**
 * The tag by which the commit names an image.
 * @param digest of the image that is to have it, null: not known
 */
export async function commitTagOf(
  { registry }: ImageClients,
  request: Named & Pick<WantedImage, "isDirty">,
  contentKey: string,
  { kept, ofSha }: Pick<Holding, "kept" | "ofSha">,
  digest: Digest | null,
): Promise<CommitTag> {
  if (request.isDirty) return dirtyTag(registry, request, contentKey);
  return kept !== null || ofSha === null || ofSha === digest
    ? { name: request.source.sha, digest: ofSha }
    : longCommitTag(registry, request, contentKey);
}

/**
 * Gives an image the name of its content, unless somebody else has given it meanwhile: then his counts. A registry that lets tags move
 * would move it, and making an image takes minutes: so it is asked first.
 * @returns the image that bears the name now, and the tag if it was given now
 */
export async function claim(
  { registry }: ImageClients,
  { report }: Context,
  repository: string,
  contentKey: string,
  stored: StoredManifest,
): Promise<{ readonly stored: StoredManifest; readonly tags: readonly string[] }> {
  const name = contentTag(contentKey);
  const digest = await headManifest(registry, repository, name);
  const put = await nameBy(registry, repository, { name, digest }, stored);
  if (put.kind !== "taken") return { stored, tags: put.kind === "stored" && digest === null ? [name] : [] };
  report({ kind: "line", text: `Somebody else has made the same content meanwhile: ${put.by} counts` });
  const winner = await getManifest(registry, repository, put.by);
  if (winner.kind === "found") return { stored: winner.manifest, tags: [] };
  throw new Error(`${repository}:${name} names ${put.by}, which is not there`);
}

/** An image that is to be named by its commit, however it was made. */
export interface Nameable {
  readonly request: Named;
  readonly contentKey: string;
  readonly commitTag: CommitTag;
}

/**
 * Names an image by its commit. The tag that was free when it was looked for may be a neighbour's by now: two images of one commit are
 * made side by side.
 * @returns the tags that it got, and what is to be said of one that it did not get
 * @throws UserError when the tags of the commit name other images
 */
export async function nameCommit(
  { registry }: ImageClients,
  { request, contentKey, commitTag }: Nameable,
  stored: StoredManifest,
): Promise<{ readonly tags: readonly string[]; readonly findings: readonly Finding[] }> {
  const { repository, source } = request;
  if (commitTag.digest === stored.digest) return { tags: [], findings: [] };
  let tag = commitTag;
  let put = await nameBy(registry, repository, tag, stored);
  if (put.kind === "taken" && tag.name === source.sha) {
    tag = await longCommitTag(registry, request, contentKey);
    put = await nameBy(registry, repository, tag, stored);
  }
  if (put.kind === "taken") throw new UserError(commitTagTaken(repository, { ...tag, digest: put.by }, stored.digest));
  if (put.kind === "stored") return { tags: [tag.name], findings: [] };
  const full: Finding = {
    id: "image-tags-full",
    level: "warning",
    where: `${repository}@${stored.digest}`,
    what: `This image has as many tags as ECR allows: it does not get the one of commit ${source.sha}. The release names it by its digest.`,
    fix: "Nothing is wrong with the release. Remove tags of old commits from this image when you want the newest again.",
    source: "https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html",
  };
  return { tags: [], findings: [full] };
}

/** Of a checkout that differs from its commit: never the bare SHA, which belongs to what the commit holds. */
async function dirtyTag(registry: Registry, { repository, source }: Named, contentKey: string): Promise<CommitTag> {
  const name = `${source.sha}-dirty-${contentKey.slice(0, 8)}`;
  return { name, digest: await headManifest(registry, repository, name) };
}

/** The longer tag of the commit, for an image whose neighbour has the short one. */
async function longCommitTag(
  registry: Registry,
  { repository, source }: Named,
  contentKey: string,
): Promise<CommitTag> {
  const name = `${source.sha}-${contentKey.slice(0, 12)}`;
  return { name, digest: await headManifest(registry, repository, name) };
}

/** A registry that lets tags move would move it: a tag that names something is not put. */
export async function nameBy(
  registry: Registry,
  repository: string,
  { name, digest }: CommitTag,
  stored: StoredManifest,
): Promise<Put> {
  if (digest === null) return putManifest(registry, repository, name, stored);
  return digest === stored.digest ? { kind: "stored" } : { kind: "taken", by: digest };
}
