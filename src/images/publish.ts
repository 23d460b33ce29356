import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import type { ImagePart } from "../domain/release.ts";
import type { ImageClients } from "./clients.ts";
import type { Observed } from "./holding.ts";
import type { StoredManifest } from "./manifest.ts";
import { nameCommit } from "./naming.ts";
import { commitTagTaken, type MakingPlan } from "./plan.ts";

/** An image that is in the registry now. */
export interface MadeImage {
  readonly part: ImagePart;
  /** Tags that it was given now. */
  readonly tags: readonly string[];
  /** What is to be said of it: nothing that keeps it from being released. */
  readonly findings: readonly Finding[];
  /** How large it is, layer by layer, for people; null for one that was not made now. */
  readonly sizes: string | null;
}

/** An image that bears its content key, and no name of a commit yet. */
export interface Unnamed extends Omit<MadeImage, "part"> {
  readonly stored: StoredManifest;
}

/** Looks at an image that is pushed and has no name of a commit yet. @returns what is to be said of it; @throws what stops it */
export type Inspect = (repository: string, stored: StoredManifest) => Promise<readonly Finding[]>;

/** What is asked while an image is made; unless told, an error that is found stops it, and nobody looks. */
export interface Inspection {
  /** Told what is found before it is pushed: throws when it is not to be. */
  readonly weigh: (finding: Finding) => void;
  /** Asked before the commit names it. */
  readonly inspect: Inspect;
}

/** An inspection in which an error that is found stops it, and nobody looks. */
export const usualInspection: Inspection = {
  weigh: (finding) => {
    if (finding.level === "error") throw new UserError(finding);
  },
  inspect: async () => [],
};

/**
 * Does what the plan says: pushes, then names. Whatever was pushed by an attempt that was cut is found again.
 * @param make makes the image, when the registry has none of this content
 * @throws UserError when the tag of the commit names another image, and as `make` and `inspect` do
 */
export async function publish(
  clients: ImageClients,
  context: Context,
  observed: Observed<unknown>,
  plan: MakingPlan,
  inspect: Inspect,
  make: () => Promise<Unnamed>,
): Promise<MadeImage> {
  const { request, contentKey, found, kept, commitTag } = observed;
  const { repository, platform, source } = request;
  if (kept !== null) return { part: kept, tags: [], findings: [], sizes: null };
  if (commitTag.digest !== null && commitTag.digest !== plan.digest)
    throw new UserError(commitTagTaken(repository, commitTag, plan.digest));
  const made = found === null ? await make() : { stored: found, tags: [], findings: [], sizes: null };
  const { digest } = made.stored;
  const seen = await inspect(repository, made.stored);
  const named = await nameCommit(clients, observed, made.stored);
  const verb = { reuse: "Reused", name: "Named", layers: "Pushed", docker: "Built" }[plan.way];
  context.report({ kind: "line", text: `${verb} ${repository}@${digest}` });
  return {
    part: { repository, digest, contentKey, platform, source, dagster: plan.dagster },
    tags: [...named.tags, ...made.tags],
    findings: [...made.findings, ...seen, ...named.findings],
    sizes: made.sizes,
  };
}
