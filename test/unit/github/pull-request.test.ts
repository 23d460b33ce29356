import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pullRequestOf } from "../../../src/github/pull-request.ts";

const folder = mkdtempSync(join(tmpdir(), "event-"));
afterAll(() => rmSync(folder, { recursive: true }));

function variables(head: string | null, change: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const file = join(folder, "event.json");
  const repo = (full_name: string) => ({ full_name });
  const pull_request = { number: 7, base: { repo: repo("o/r") }, head: { repo: head === null ? null : repo(head) } };
  writeFileSync(file, JSON.stringify({ pull_request }));
  return { GITHUB_EVENT_NAME: "pull_request", GITHUB_EVENT_PATH: file, GITHUB_ACTOR: "mona", ...change };
}

test.each<[string, NodeJS.ProcessEnv, boolean]>([
  ["of a branch", variables("o/r"), false],
  ["of a branch, by Dependabot", { ...variables("o/r"), GITHUB_ACTOR: "dependabot[bot]" }, true],
])("A pull request %s is told from those whose jobs may only read", (_, given, isForeign) => {
  expect(pullRequestOf({ ...variables("o/r"), ...given })).toEqual({ repository: "o/r", number: 7, isForeign, base: null });
});

test.each([["fork/r"], [null]])("One from %s is foreign", (head) => {
  expect(pullRequestOf(variables(head))).toEqual({ repository: "o/r", number: 7, isForeign: true, base: null });
});

test("One that runs in the base's name is a pull request, too", () => {
  const given = variables("o/r", { GITHUB_EVENT_NAME: "pull_request_target", GITHUB_SHA: "a".repeat(40) });
  expect(pullRequestOf(given)).toMatchObject({ number: 7, base: "a".repeat(40) });
});

test("A push is none", () => expect(pullRequestOf(variables("o/r", { GITHUB_EVENT_NAME: "push" }))).toBeNull());

test("An event that does not tell of one is for none", () => {
  const given = variables("o/r");
  writeFileSync(given["GITHUB_EVENT_PATH"] ?? "", "{}");
  expect(pullRequestOf(given)).toBeNull();
});
