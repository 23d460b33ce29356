import { cut, type Markdown, paragraphs } from "../markdown/markdown.ts";
import { type Unanswered, unanswered } from "./answers.ts";
import type { Github } from "./client.ts";
import type { PullRequest } from "./pull-request.ts";

/** Characters that GitHub takes are 65,536; our limit is in bytes, which are never fewer, with room for mark and foot. */
const limitBytes = 60_000;

/** A run of a workflow; each attempt is newer than those before it. */
export interface RunNumber {
  readonly id: number;
  readonly attempt: number;
}

/** What is written for one thing, in the place of what was written for it before. */
export interface StickyComment {
  /** What it is about, without blanks: `stack/environment`. */
  readonly key: string;
  readonly run: RunNumber;
  readonly text: Markdown;
  /** Stands at the end, however long the text is. */
  readonly foot: Markdown;
}

/** What became of it. */
export type Commented =
  | { readonly kind: "created" | "updated"; readonly url: string; readonly author: string }
  /** A newer run has written already. */
  | { readonly kind: "newer"; readonly run: RunNumber }
  | ({ readonly kind: "refused" } & Unanswered);

/**
 * Writes a comment on a pull request, or writes it anew where an earlier run has. It is known by a mark at its very beginning, and by
 * its author: anybody can write the mark, and what somebody else has written stays his. Needs the permission `pull-requests: write`.
 * Source: https://docs.github.com/en/rest/issues/comments
 * @param author login that it writes as
 */
export async function writeComment(
  { paginate, request }: Github,
  { repository, number }: PullRequest,
  { key, run, text, foot }: StickyComment,
  author: string,
): Promise<Commented> {
  const [owner = "", repo = ""] = repository.split("/");
  const { markdown: body } = paragraphs(
    { markdown: markOf(key, run) },
    cut(text, limitBytes, "cut here: the rest is in the summary of the run"),
    foot,
  );
  try {
    const asked = { owner, repo, issue_number: number, per_page: 100 };
    const comments = await paginate("GET /repos/{owner}/{repo}/issues/{issue_number}/comments", asked);
    const [last] = comments
      .flatMap(({ id, user, body }) => {
        const of = user?.login === author ? runOf(key, body ?? "") : null;
        return of === null ? [] : [{ id, run: of }];
      })
      .sort((a, b) => compareRuns(b.run, a.run));
    if (last === undefined) {
      const { data } = await request("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", {
        owner,
        repo,
        issue_number: number,
        body,
      });
      return { kind: "created", url: data.html_url, author: data.user?.login ?? "" };
    }
    if (compareRuns(last.run, run) > 0) return { kind: "newer", run: last.run };
    const { data } = await request("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", {
      owner,
      repo,
      comment_id: last.id,
      body,
    });
    return { kind: "updated", url: data.html_url, author: data.user?.login ?? "" };
  } catch (error) {
    const why = unanswered(error);
    if (why === null) throw error;
    return { kind: "refused", ...why };
  }
}

/** Nobody sees it. */
function markOf(key: string, { id, attempt }: RunNumber): string {
  return `<!-- dagster-ecs plan of ${key} by run ${id}.${attempt} -->`;
}

/** The run that has written a comment about this; null: it is another comment. */
function runOf(key: string, body: string): RunNumber | null {
  const [, of, id, attempt] = /^<!-- dagster-ecs plan of (\S+) by run (\d+)\.(\d+) -->/.exec(body) ?? [];
  return of === key ? { id: Number(id), attempt: Number(attempt) } : null;
}

/** Below 0: the first is older. GitHub counts runs up, and attempts of one run. */
function compareRuns(a: RunNumber, b: RunNumber): number {
  return a.id - b.id || a.attempt - b.attempt;
}
