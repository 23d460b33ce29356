import { UserError } from "../domain/errors.ts";
import { type Sha, shaSchema } from "../domain/identifiers.ts";
import { type Answer, ask } from "../programs/index.ts";

/** A checkout: a folder and what git knows of it. */
export interface Checkout {
  readonly root: string;
  readonly head: Sha;
  /** Paths that differ from the commit, new ones included, ignored ones not. */
  readonly changedFiles: readonly string[];
}

/**
 * Looks at the checkout that holds a folder.
 * @throws UserError when it is not one.
 */
export async function checkout(root: string): Promise<Checkout> {
  const [head, status] = await Promise.all([
    git(root, ["rev-parse", "--verify", "HEAD^{commit}"]),
    git(root, ["status", "--porcelain", "-z", "--untracked-files=all", "--no-renames"]),
  ]);
  if (head.exitCode !== 0) {
    throw new UserError({
      what: `This is not a git checkout with a commit: ${firstLine(head.errors)}`,
      where: root,
      fix: "Check the repository out first (actions/checkout), and run this step in it.",
    });
  }
  if (status.exitCode !== 0) throw failed("git status", root, status);
  const changedFiles = status.output
    .split("\0")
    .filter((entry) => entry !== "")
    .map((entry) => entry.slice(3));
  return { root, head: shaSchema.parse(head.output.trim()), changedFiles };
}

/**
 * Is a commit an ancestor of (or the same as) another?
 * @returns `unknown` when this checkout does not hold enough of the history to tell.
 */
export async function isAncestor(root: string, ancestor: Sha, descendant: Sha): Promise<"yes" | "no" | "unknown"> {
  if (ancestor === descendant) return "yes";
  // One that came later than this checkout may follow any other.
  if (!(await hasCommit(root, descendant))) return "unknown";
  const shallow = (await git(root, ["rev-parse", "--is-shallow-repository"])).output.trim() === "true";
  if (!(await hasCommit(root, ancestor))) {
    // With the whole history here, a commit that is absent is not in ours.
    return shallow ? "unknown" : "no";
  }
  const answer = await git(root, ["merge-base", "--is-ancestor", ancestor, descendant]);
  if (answer.exitCode === 0) return "yes";
  if (answer.exitCode !== 1) throw failed("git merge-base", root, answer);
  return shallow ? "unknown" : "no";
}

/** The default branch of the remote `origin`, as it was when it was last fetched; null when this checkout does not know it. */
export async function defaultBranch(root: string): Promise<{ readonly name: string; readonly head: Sha } | null> {
  const known = "refs/remotes/origin/HEAD";
  const [name, head] = await Promise.all([
    git(root, ["symbolic-ref", "--quiet", "--short", known]),
    git(root, ["rev-parse", "--quiet", "--verify", `${known}^{commit}`]),
  ]);
  if (name.exitCode !== 0 || head.exitCode !== 0) return null;
  return { name: name.output.trim(), head: shaSchema.parse(head.output.trim()) };
}

async function hasCommit(root: string, sha: Sha): Promise<boolean> {
  return (await git(root, ["cat-file", "-e", `${sha}^{commit}`])).exitCode === 0;
}

/**
 * The root of the checkout that holds a folder.
 * @throws UserError when it is in none.
 */
export async function rootOf(folder: string): Promise<string> {
  const { exitCode, output, errors } = await git(folder, ["rev-parse", "--show-toplevel"]);
  if (exitCode === 0) return output.trim();
  throw new UserError({
    what: `This folder is in no git checkout: ${firstLine(errors)}`,
    where: folder,
    fix: "Run it in the repository that the stack file is in.",
  });
}

/** `owner/name` of the repository that was cloned, as its remote `origin` says; null when it does not. */
export async function repositoryOf(root: string): Promise<string | null> {
  return repositoryIn((await git(root, ["remote", "get-url", "origin"])).output.trim());
}

/** `owner/name` in the address of a remote: `git@github.com:owner/name.git`, `https://github.com/owner/name`. */
export function repositoryIn(address: string): string | null {
  return /[/:]([\w.-]+\/[\w.-]+?)(?:\.git)?\/?$/.exec(address)?.[1] ?? null;
}

/** `family:revision` of these families, wherever it stands in a tracked file. @throws UserError when git does not tell */
export async function mentionedRevisions(root: string, families: readonly string[]): Promise<readonly string[]> {
  if (families.length === 0) return [];
  const found = await git(root, ["grep", "-hoIE", `(${families.join("|")}):[0-9]+`]);
  // 1: nothing was found.
  if (found.exitCode > 1) throw failed("git grep", root, found);
  return [...new Set(found.output.split("\n").filter((line) => line !== ""))];
}

/** The folder is the job's own: whoever owns its files, git may read it. */
function git(root: string, args: readonly string[]): Promise<Answer> {
  return ask("git", ["-c", `safe.directory=${root}`, "-c", "core.quotePath=false", ...args], root);
}

function failed(command: string, root: string, { exitCode, errors }: Answer): UserError {
  return new UserError({
    what: `${command} ended with exit code ${exitCode}: ${firstLine(errors)}`,
    where: root,
    fix: "Check that the checkout is whole; a new one (actions/checkout) is the quickest way.",
  });
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0] ?? "";
}
