import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sha } from "../../../src/domain/identifiers.ts";
import {
  checkout,
  defaultBranch,
  isAncestor,
  mentionedRevisions,
  repositoryIn,
  repositoryOf,
  rootOf,
} from "../../../src/git/history.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "history-"));
  folders.push(path);
  return path;
}

function git(root: string, ...args: string[]): string {
  const identity = {
    GIT_AUTHOR_NAME: "a",
    GIT_AUTHOR_EMAIL: "a@b",
    GIT_COMMITTER_NAME: "a",
    GIT_COMMITTER_EMAIL: "a@b",
  };
  return execFileSync("git", args, {
    cwd: root,
    env: { PATH: process.env["PATH"], HOME: root, ...identity },
    encoding: "utf8",
  }).trim();
}

function repository(commits: number): { root: string; shas: Sha[] } {
  const root = folder();
  git(root, "init", "--quiet", "--initial-branch=main");
  const shas = Array.from({ length: commits }, (_, index) => {
    writeFileSync(join(root, "file.txt"), String(index));
    git(root, "add", ".");
    git(root, "commit", "--quiet", "-m", `change ${index}`);
    return git(root, "rev-parse", "HEAD") as Sha;
  });
  return { root, shas };
}

test("a clean checkout has its commit and no changed files", async () => {
  const { root, shas } = repository(1);
  expect(await checkout(root)).toEqual({ root, head: shas[0], changedFiles: [] });
});

test("changed and new files are named, whatever they are called; ignored ones are not", async () => {
  const { root } = repository(1);
  writeFileSync(join(root, ".gitignore"), "ignored\n");
  git(root, "add", ".");
  git(root, "commit", "--quiet", "-m", "ignore");
  for (const name of ["ignored", "new file ü\n.txt", "file.txt"]) writeFileSync(join(root, name), "changed");
  expect([...(await checkout(root)).changedFiles].sort()).toEqual(["file.txt", "new file ü\n.txt"]);
});

test("a folder that is no checkout is refused with what to do", async () => {
  await expect(checkout(folder())).rejects.toThrow("actions/checkout");
});

describe("ancestry", () => {
  test("is told where the history is here", async () => {
    const { root, shas } = repository(3);
    const [first, second, third] = shas as [Sha, Sha, Sha];
    expect(await isAncestor(root, first, third)).toBe("yes");
    expect(await isAncestor(root, second, second)).toBe("yes");
    expect(await isAncestor(root, third, first)).toBe("no");
    expect(await isAncestor(root, "f".repeat(40) as Sha, third)).toBe("no");
  });

  test("is unknown of a commit that the checkout does not have: it may have come later", async () => {
    const { root, shas } = repository(1);
    const [only] = shas as [Sha];
    expect(await isAncestor(root, only, "f".repeat(40) as Sha)).toBe("unknown");
  });

  test("is unknown where a shallow checkout ends, never a guess", async () => {
    const { root, shas } = repository(3);
    const [first, , third] = shas as [Sha, Sha, Sha];
    const shallow = folder();
    git(shallow, "clone", "--quiet", "--depth=1", `file://${root}`, "clone");
    expect(await isAncestor(join(shallow, "clone"), first, third)).toBe("unknown");
    expect(await isAncestor(join(shallow, "clone"), third, third)).toBe("yes");
  });
});

test.each([
  ["git@github.com:owner/name.git", "owner/name"],
  ["https://github.com/owner/name", "owner/name"],
  ["https://github.com/owner/name.git/", "owner/name"],
  ["ssh://git@github.example:2222/owner/some.name.git", "owner/some.name"],
  ["/srv/name.git", "srv/name"],
  ["name", null],
  ["", null],
])("the remote %j is of %j", (address, name) => expect(repositoryIn(address)).toBe(name));

test("a checkout is found from any folder in it, with the repository that it was cloned from", async () => {
  const root = folder();
  git(root, "init", "--quiet");
  expect(await repositoryOf(root)).toBeNull();
  git(root, "remote", "add", "origin", "git@github.com:owner/name.git");
  mkdirSync(join(root, "app"));
  expect(await rootOf(join(root, "app"))).toBe(realpathSync(root));
  expect(await repositoryOf(root)).toBe("owner/name");
  await expect(rootOf(folder())).rejects.toThrow("This folder is in no git checkout");
});

test("revisions are found in tracked files, whatever stands around them", async () => {
  const { root } = repository(1);
  writeFileSync(join(root, "job.yaml"), "definition: arn:aws:ecs:eu-central-1:1:task-definition/shop-code:12\n");
  writeFileSync(join(root, "run.sh"), "run shop-run:3 shop-run:3; other:1 shop-code:latest\n");
  git(root, "add", ".");
  writeFileSync(join(root, "untracked"), "shop-code:13\n");
  expect(await mentionedRevisions(root, ["shop-code", "shop-run"])).toEqual(["shop-code:12", "shop-run:3"]);
  expect(await mentionedRevisions(root, ["nobody"])).toEqual([]);
  expect(await mentionedRevisions(root, [])).toEqual([]);
});

test("the default branch of the remote is what its HEAD was when it was fetched, and else not known", async () => {
  const { root, shas } = repository(2);
  git(root, "branch", "-M", "trunk");
  expect(await defaultBranch(root)).toBeNull();
  const into = folder();
  git(into, "clone", "--quiet", root, "clone");
  const clone = join(into, "clone");
  git(clone, "switch", "--quiet", "--create", "adopt");
  git(clone, "commit", "--quiet", "--allow-empty", "--message=more");
  expect(await defaultBranch(clone)).toEqual({ name: "origin/trunk", head: shas[1] });
});
