import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import { type ChangedLines, changedLines } from "../github/changed-lines.ts";
import { openGithub } from "../github/client.ts";
import type { PullRequest } from "../github/pull-request.ts";
import { notice } from "../github/report.ts";
import { workflowRun } from "../github/run.ts";
import { type Commented, replaceComment, type StickyComment, writeComment } from "../github/sticky-comment.ts";
import { writeOutputs, writeSummary } from "../github/summary.ts";
import { heading, link, type Markdown, markdown, paragraphs } from "../markdown/markdown.ts";
import type { Result } from "../releases/result.ts";
import type { Listener } from "./part.ts";

/** In whose name a pull request is told of a plan. */
export interface Teller {
  readonly token: string;
  /** Login that the token writes as. */
  readonly author: string;
}

/**
 * Tells a pull request of its plan: one comment, and annotations of findings on lines that it changes. Where there is no plan, the comment
 * of an earlier commit says so: it would be taken for this one's.
 * @param environment which was asked for; null: the stack's own
 */
export async function tellPullRequest(
  pullRequest: PullRequest,
  { token, author }: Teller,
  environment: string | null,
): Promise<Listener> {
  const github = openGithub(token);
  const changed = await changedLines(github, pullRequest);
  const tellOf = ({ report }: Context, done: Commented): void => {
    const line = lineOf(done);
    if (line !== null) report({ kind: "line", text: line });
    const problem = problemOf(done, pullRequest, author);
    if (problem !== null) notice(problem.title, problem.text);
  };
  return {
    isAnnotated: (finding) => finding.level === "error" || changed === null || isOn(changed, finding),
    tell: async (context, result) => {
      if (result.preview === null) return;
      tellOf(context, await writeComment(github, pullRequest, commentOf(result, result.preview), author));
    },
    tellNone: async (context, error) => {
      const done = await replaceComment(github, pullRequest, { environment, ...noPlan(error) }, author);
      if (done !== null) tellOf(context, done);
    },
  };
}

/** A pull request whose jobs get no credentials is not planned, and is no worse for it. */
export async function tellNotPlanned({ number }: PullRequest, why: string): Promise<void> {
  const text = `Pull request ${number} comes from a fork, or from Dependabot, and its jobs get no credentials of AWS: nothing was looked at, and nothing is wrong with it so far. Whoever may push can open the same change from a branch of the repository.`;
  notice("Not planned", `${text}\n${why}`);
  await writeSummary(paragraphs(heading(2, "Not planned"), markdown`${text}`));
  writeOutputs({ changed: "false" });
}

function isOn(changed: ChangedLines, { where }: Finding): boolean {
  return typeof where !== "string" && (changed.get(where.file)?.has(where.line) ?? false);
}

function commentOf({ release, hash }: Result, text: Markdown): StickyComment {
  const { run, page } = thisRun();
  return {
    key: `${release.stack}/${release.environment}`,
    run,
    text,
    foot: markdown`Nothing was changed. The summary of ${page} has all of it; plan ${hash.slice(0, 12)}.`,
  };
}

/** In the place of a plan. Only what was written for people to read is shown: anything else may hold what nobody has looked through. */
function noPlan(error: unknown): Pick<StickyComment, "run" | "text" | "foot"> {
  const { run, page } = thisRun();
  const why =
    error instanceof UserError
      ? paragraphs(markdown`${error.what}`, markdown`Fix: ${error.fix}`)
      : markdown`The log of its run says why.`;
  return {
    run,
    text: paragraphs(
      heading(2, "No plan"),
      markdown`There is none for the newest commit; what stood here was of an earlier one.`,
      why,
    ),
    foot: markdown`Nothing was changed. The log of ${page} has all of it.`,
  };
}

function thisRun(): Pick<StickyComment, "run"> & { readonly page: Markdown } {
  const { id, url, owner } = workflowRun(process.env);
  const page = url === null ? markdown`run ${id}` : link(`run ${id}`, url);
  return { run: { id, attempt: owner.attempt }, page };
}

function lineOf(done: Commented): string | null {
  switch (done.kind) {
    case "created":
    case "updated":
      return `comment ${done.kind}: ${done.url}`;
    case "newer":
      return `the comment is of run ${done.run.id}, attempt ${done.run.attempt}, and stays`;
    case "refused":
      return null;
  }
}

/** What to do where there is no comment, or none that will be found again. */
function problemOf(
  done: Commented,
  { isForeign }: PullRequest,
  author: string,
): { readonly title: string; readonly text: string } | null {
  if (done.kind === "created" && done.author !== author) {
    return {
      title: "The comment will not be found again",
      text: `It was written by ${done.author}, and only comments of ${author} are written anew.\nfix: Set \`comment-author: ${done.author}\`.`,
    };
  }
  if (done.kind !== "refused") return null;
  const mayNot = [401, 403, 404].includes(done.status);
  const fix = isForeign
    ? "Nothing: jobs of a pull request from a fork have a token that only reads. Those of Dependabot may write where they have the permission `pull-requests: write`."
    : mayNot
      ? "Give the job the permission; or set `comment: false`.\npermissions:\n  pull-requests: write"
      : "Look at https://www.githubstatus.com, and run it again.";
  return {
    title: "No comment was written",
    text: `GitHub answers ${done.status}: ${done.message.replaceAll(/\s+/g, " ")}. The plan is in the summary of this job.\nfix: ${fix}`,
  };
}
