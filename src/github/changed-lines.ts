import { unanswered } from "./answers.ts";
import type { Github } from "./client.ts";
import type { PullRequest } from "./pull-request.ts";

/** Lines of the new version that a pull request adds or changes, by the path of their file. */
export type ChangedLines = ReadonlyMap<string, ReadonlySet<number>>;

/**
 * Asks GitHub which lines a pull request changes: a checkout of depth 1 does not know. Needs the permission `pull-requests: read`.
 * Source: https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files
 * @returns null when GitHub does not say
 */
export async function changedLines(
  { paginate }: Github,
  { repository, number }: PullRequest,
): Promise<ChangedLines | null> {
  const [owner = "", repo = ""] = repository.split("/");
  try {
    const asked = { owner, repo, pull_number: number, per_page: 100 };
    const files = await paginate("GET /repos/{owner}/{repo}/pulls/{pull_number}/files", asked);
    return new Map(files.map(({ filename, patch = "" }) => [filename, linesOf(patch)]));
  } catch (error) {
    if (unanswered(error) === null) throw error;
    return null;
  }
}

/** Numbers of the lines that a patch adds, as the new version of the file counts them. */
export function linesOf(patch: string): ReadonlySet<number> {
  const added = new Set<number>();
  let line = 0;
  for (const text of patch.split("\n")) {
    const [, start] = /^@@ -\S+ \+(\d+)(?:,\d+)? @@/.exec(text) ?? [];
    if (start !== undefined) {
      line = Number(start);
      continue;
    }
    if (text.startsWith("+")) added.add(line);
    if (text.startsWith("+") || text.startsWith(" ")) line += 1;
  }
  return added;
}
