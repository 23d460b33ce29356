import { UserError } from "../domain/errors.ts";
import type { Sha } from "../domain/identifiers.ts";
import type { Connections } from "./connections.ts";

/** Is a commit of a repository an ancestor of another? */
export type Compare = (repository: string, ancestor: Sha, descendant: Sha) => Promise<"yes" | "no" | "unknown">;

/** Who can tell which commit came before which. */
export interface Historian {
  readonly request: {
    /** The checkout, and the repository that it is of. */
    readonly root: string;
    readonly repository: string;
    /** Asks GitHub, where the checkout does not hold enough; null without a token. */
    readonly compare: Compare | null;
  };
  readonly connections: Pick<Connections, "history">;
}

/**
 * Does one commit contain another, which is released?
 * @throws UserError when the history does not tell
 */
export async function follows(
  { request, connections }: Historian,
  repository: string,
  ancestor: Sha,
  descendant: Sha,
): Promise<boolean> {
  if (ancestor === descendant) return true;
  const isOurs = repository === request.repository;
  const local = isOurs ? await connections.history.isAncestor(request.root, ancestor, descendant) : "unknown";
  const answer =
    local === "unknown" && request.compare !== null ? await request.compare(repository, ancestor, descendant) : local;
  if (answer !== "unknown") return answer === "yes";
  const where = isOurs ? "" : ` of ${repository}`;
  throw new UserError({
    what: `This checkout does not hold enough history to tell whether ${descendant}${where} follows ${ancestor}, which is released.`,
    where: isOurs ? request.root : repository,
    fix: isOurs
      ? "Check out with the whole history (actions/checkout with `fetch-depth: 0`), or give this step a `github-token` that may read the repository."
      : `Give this step a \`github-token\` that may read ${repository}.`,
  });
}
