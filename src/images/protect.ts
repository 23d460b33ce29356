import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Digest } from "../domain/identifiers.ts";
import type { ImageClients } from "./clients.ts";
import { getManifest, headManifest } from "./manifests.ts";
import { nameBy } from "./naming.ts";

/** An image that runs, though nothing that stays names it: the tag it was started by may be another image's tomorrow. */
export interface RunningImage {
  readonly repository: string;
  readonly digest: Digest;
}

/**
 * - `protected`: it bears the tag that keeps it.
 * - `loose`: rules of the registry may remove it as soon as the tag that it was started by has moved.
 * - `gone`: the registry does not have it any more.
 */
export type Hold = "protected" | "loose" | "gone";

/** The tag that keeps an image: it holds the whole digest, so that it never means another one. */
export function protectingTag(digest: Digest): string {
  return digest.replace("sha256:", "runs-");
}

/** Looks whether the registry has an image, and under the tag that keeps it. @throws UserError */
export async function observeHold(
  { registry }: Pick<ImageClients, "registry">,
  { repository, digest }: RunningImage,
): Promise<Hold> {
  const [image, named] = await Promise.all([
    headManifest(registry, repository, digest),
    headManifest(registry, repository, protectingTag(digest)),
  ]);
  if (image === null) return "gone";
  return named === digest ? "protected" : "loose";
}

/**
 * Gives an image the tag that keeps it: the very bytes of its manifest, so that the digest stays. Somebody else may be faster; an image
 * that has as many tags as ECR allows is kept by these.
 * @returns the tag
 * @throws UserError when the image is gone, or somebody has given that tag to another one
 */
export async function protectImage(
  { registry }: Pick<ImageClients, "registry">,
  { report }: Pick<Context, "report">,
  { repository, digest }: RunningImage,
): Promise<string> {
  const tag = protectingTag(digest);
  const found = await getManifest(registry, repository, digest);
  if (found.kind !== "found") {
    throw new UserError({
      what: "An image that runs is not in the registry any more.",
      where: `${repository}@${digest}`,
      fix: "Run it again: the plan then says what cannot be gone back to.",
    });
  }
  const named = await headManifest(registry, repository, tag);
  const put = await nameBy(registry, repository, { name: tag, digest: named }, found.manifest);
  if (put.kind === "taken") {
    throw new UserError({
      what: `The tag that is to keep ${digest} names another image: ${put.by}.`,
      where: `${repository}:${tag}`,
      fix: "Delete that tag in the registry: nobody but this action gives tags of that form.",
    });
  }
  if (put.kind === "stored") report({ kind: "line", text: `${repository}@${digest} is kept by the tag ${tag}` });
  return tag;
}
