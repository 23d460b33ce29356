import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A git repository of its own, with a checkout to be spoiled. */
export interface GitCheckout {
  readonly folder: string;
  git(...args: readonly string[]): string;
  write(path: string, text: string): Promise<void>;
  /** Commits all that was written. @returns the SHA */
  commit(message: string): string;
  remove(): Promise<void>;
}

/** @param files text by path; they are its first commit. */
export async function newCheckout(files: Readonly<Record<string, string>>): Promise<GitCheckout> {
  const folder = await mkdtemp(join(tmpdir(), "checkout-"));
  const settings = [
    ["user.name", "t"],
    ["user.email", "t@example.com"],
    ["commit.gpgSign", "false"],
    ["maintenance.auto", "false"], // it would go on in a folder that is removed
  ].flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const git = (...args: readonly string[]): string =>
    execFileSync("git", [...settings, ...args], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  };
  const commit = (message: string): string => {
    git("add", "--all");
    git("commit", "--quiet", "--allow-empty", `--message=${message}`);
    return git("rev-parse", "HEAD");
  };
  git("init", "--quiet", "--initial-branch=main");
  for (const [path, text] of Object.entries(files)) await write(path, text);
  commit("First");
  return { folder, git, write, commit, remove: () => rm(folder, { recursive: true, force: true }) };
}
