import type { Sha } from "../domain/identifiers.ts";
import { openGithub } from "./client.ts";

/**
 * Asks GitHub whether one commit is an ancestor of another: for shallow checkouts, which cannot tell.
 * Source: https://docs.github.com/en/rest/commits/commits#compare-two-commits (`status`: ahead, behind, identical, diverged)
 * @param repository `owner/name`
 * @returns `unknown` when GitHub does not say
 */
export async function compareCommits(
  token: string,
  repository: string,
  ancestor: Sha,
  descendant: Sha,
): Promise<"yes" | "no" | "unknown"> {
  const [owner = "", repo = ""] = repository.split("/");
  try {
    const { data } = await openGithub(token).request("GET /repos/{owner}/{repo}/compare/{basehead}", {
      owner,
      repo,
      basehead: `${ancestor}...${descendant}`,
      per_page: 1,
    });
    if (data.status === "ahead" || data.status === "identical") return "yes";
    return "no";
  } catch (error) {
    // 404: one of them is not in the repository, or the token may not read it. Whatever it is, it is not an answer.
    if (typeof error === "object" && error !== null && "status" in error) return "unknown";
    throw error;
  }
}
