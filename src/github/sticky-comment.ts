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
  /** A newer run has written already, or another job of this one. */
  | { readonly kind: "newer"; readonly run: RunNumber }
  | ({ readonly kind: "refused" } & Unanswered);

/**
 * Writes a comment on a pull request, or writes it anew where an earlier run has. It is known by a mark at its very beginning, and by
 * its author: anybody can write the mark, and what somebody else has written stays his. Needs the permission `pull-requests: write`.
 * Source: https://docs.github.com/en/rest/issues/comments
 * @param author login that it writes as
 */
export async function writeComment(
  github: Github,
  pullRequest: PullRequest,
  comment: StickyComment,
  author: string,
): Promise<Commented> {
  return answered(async () => {
    const [last] = await commentsAbout(comment.key, github, pullRequest, author);
    if (last !== undefined && compareRuns(last.run, comment.run) > 0) return { kind: "newer", run: last.run };
    const written =
      last === undefined
        ? await create(github, pullRequest, comment)
        : await update(github, pullRequest, last, comment);
    return written.author === author ? settled(github, pullRequest, comment, author, written) : told(written);
  });
}

/** Looks how often whether another run has written at the same moment. */
const mostLooks = 3;

/**
 * Two runs that found the same may both have written: two comments where there was none, or the older one's text over the newer one's.
 * GitHub writes nothing on condition, so each looks again at what it has left. One comment stays, with the text of the newest run: whose it
 * is removes the others, and who is not takes his own away.
 */
async function settled(
  github: Github,
  pullRequest: PullRequest,
  comment: StickyComment,
  author: string,
  written: Written,
): Promise<Commented> {
  for (let looks = 0; looks < mostLooks; looks += 1) {
    const [first, ...others] = await commentsAbout(comment.key, github, pullRequest, author);
    if (first === undefined) break;
    const mine = [first, ...others].find(({ id }) => id === written.id);
    if (mine !== undefined && compareRuns(mine.run, comment.run) < 0) {
      await update(github, pullRequest, mine, comment);
      continue;
    }
    const removed = first === mine ? others : mine === undefined ? [] : [mine];
    for (const { id } of removed) await remove(github, pullRequest, id);
    const isMine = first === mine && compareRuns(first.run, comment.run) === 0;
    return isMine ? told(written) : { kind: "newer", run: first.run };
  }
  return told(written);
}

async function commentsAbout(
  key: string,
  github: Github,
  pullRequest: PullRequest,
  author: string,
): Promise<readonly OwnComment[]> {
  return (await ownComments(github, pullRequest, author)).filter((one) => one.key === key);
}

/**
 * Writes the comment of an earlier run anew, without knowing what it is about: who could not read a stack file has no name of the stack.
 * @param environment what it must be about; null: any
 * @returns null where there is none, or where there are several
 */
export async function replaceComment(
  github: Github,
  pullRequest: PullRequest,
  { environment, ...comment }: Omit<StickyComment, "key"> & { readonly environment: string | null },
  author: string,
): Promise<Commented | null> {
  return answered(async () => {
    const own = (await ownComments(github, pullRequest, author)).filter(
      ({ key }) => environment === null || key.endsWith(`/${environment}`),
    );
    const [last] = own;
    if (last === undefined || own.some(({ key }) => key !== last.key)) return null;
    if (compareRuns(last.run, comment.run) > 0) return { kind: "newer", run: last.run };
    return told(await update(github, pullRequest, last, { ...comment, key: last.key }));
  });
}

interface OwnComment {
  readonly id: number;
  readonly key: string;
  readonly run: RunNumber;
}

/** What the author has written about plans; of the newest run first, and of one run the one that is there for longest. */
async function ownComments(
  { paginate }: Github,
  pullRequest: PullRequest,
  author: string,
): Promise<readonly OwnComment[]> {
  const asked = { ...placeOf(pullRequest), issue_number: pullRequest.number, per_page: 100 };
  const comments = await paginate("GET /repos/{owner}/{repo}/issues/{issue_number}/comments", asked);
  return comments
    .flatMap(({ id, user, body }) => {
      const mark = user?.login === author ? markIn(body ?? "") : null;
      return mark === null ? [] : [{ id, ...mark }];
    })
    .sort((a, b) => compareRuns(b.run, a.run) || a.id - b.id);
}

/** A comment that this run has written. */
interface Written {
  readonly kind: "created" | "updated";
  readonly id: number;
  readonly url: string;
  readonly author: string;
}

function told({ kind, url, author }: Written): Commented {
  return { kind, url, author };
}

async function create({ request }: Github, pullRequest: PullRequest, comment: StickyComment): Promise<Written> {
  const { data } = await request("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", {
    ...placeOf(pullRequest),
    issue_number: pullRequest.number,
    body: bodyOf(comment),
  });
  return { kind: "created", id: Number(data.id), url: data.html_url, author: data.user?.login ?? "" };
}

/** One that another run has removed meanwhile is no fault. */
async function remove({ request }: Github, pullRequest: PullRequest, id: number): Promise<void> {
  try {
    const route = "DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}";
    await request(route, { ...placeOf(pullRequest), comment_id: id });
  } catch (error) {
    if (unanswered(error)?.status !== 404) throw error;
  }
}

async function update(
  { request }: Github,
  pullRequest: PullRequest,
  last: OwnComment,
  comment: StickyComment,
): Promise<Written> {
  const { data } = await request("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", {
    ...placeOf(pullRequest),
    comment_id: last.id,
    body: bodyOf(comment),
  });
  return { kind: "updated", id: Number(data.id), url: data.html_url, author: data.user?.login ?? "" };
}

async function answered<T>(ask: () => Promise<T>): Promise<T | Extract<Commented, { kind: "refused" }>> {
  try {
    return await ask();
  } catch (error) {
    const why = unanswered(error);
    if (why === null) throw error;
    return { kind: "refused", ...why };
  }
}

function placeOf({ repository }: PullRequest): { readonly owner: string; readonly repo: string } {
  const [owner = "", repo = ""] = repository.split("/");
  return { owner, repo };
}

function bodyOf({ key, run, text, foot }: StickyComment): string {
  const whole = cut(text, limitBytes, "cut here: the rest is in the summary of the run");
  return paragraphs({ markdown: markOf(key, run) }, whole, foot).markdown;
}

/** Nobody sees it. */
function markOf(key: string, { id, attempt }: RunNumber): string {
  return `<!-- dagster-ecs plan of ${key} by run ${id}.${attempt} -->`;
}

/** What a comment is about, and the run that has written it; null: it is another comment. */
function markIn(body: string): Pick<OwnComment, "key" | "run"> | null {
  const [, key, id, attempt] = /^<!-- dagster-ecs plan of (\S+) by run (\d+)\.(\d+) -->/.exec(body) ?? [];
  return key === undefined ? null : { key, run: { id: Number(id), attempt: Number(attempt) } };
}

/** Below 0: the first is older. GitHub counts runs up, and attempts of one run. */
function compareRuns(a: RunNumber, b: RunNumber): number {
  return a.id - b.id || a.attempt - b.attempt;
}
