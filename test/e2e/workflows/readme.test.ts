import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openWorkplace, type Workplace } from "../../../scripts/demo/workplace.ts";
import { type FakeComment, type FakeGithub, startFakeGithub, theOnlyNumber } from "../../github/fake-github.ts";
import { type FakeIdentityTokens, startFakeIdentityTokens } from "../../github/fake-identity-tokens.ts";
import { trustPolicyFor } from "../../github/identity-token.ts";
import { type Act, openAct, withoutCredentials, writeWorkflow } from "../../workflows/act.ts";

const root = join(import.meta.dirname, "../../..");
let place: Workplace;
let act: Act;
let github: FakeIdentityTokens;
let api: FakeGithub;
let comments: FakeComment[];
let role: string;

beforeAll(async () => {
  place = await openWorkplace({ speed: 20 });
  const subject = "repo:example/deal-flow:pull_request";
  github = await startFakeIdentityTokens(subject);
  const writer = { login: "github-actions[bot]" };
  api = await startFakeGithub({ pullRequest: () => ({ comments, files: [], writer }) });
  role = place.infrastructure.roleArn("plan");
  const trustPolicy = trustPolicyFor(place.bed.account, subject);
  place.bed.aws.neighbours.roles.set("plan", { name: "plan", arn: role, trustPolicy });
  place.git("remote", "add", "origin", "https://github.com/example/deal-flow.git");
  act = await openAct(place, { ...withoutCredentials(place), ...github.environment, GITHUB_API_URL: api.url });
}, 300_000);
afterAll(async () => {
  await place.close();
  await github.close();
  await act.close();
  await api.close();
});

async function fromReadme(): Promise<string> {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const [, text] = /```yaml\n# \.github\/workflows\/preview\.yml\n([^]*?)```/.exec(readme) ?? [];
  if (text === undefined) throw new Error("the README has no workflow preview.yml");
  return text;
}

/** For the environment of this machine. */
function local(text: string): string {
  const changed = text.replace("{ command: plan,", "{ command: plan, environment: local,");
  expect(changed).not.toBe(text);
  return changed;
}

test.each<[what: string, file: string, text: () => Promise<string>]>([
  ["the README's preview", "preview.yml", fromReadme],
  [
    "the example's workflow on a pull request",
    "deploy.yml",
    () => readFile(join(root, "examples/deal-flow/.github/workflows/deploy.yml"), "utf8"),
  ],
])("%s runs, and writes the plan to its summary and to the pull request", async (_what, file, text) => {
  await writeWorkflow(place.folder, file, local(await text()));
  place.git("add", "--all");
  place.git("commit", "--quiet", `--message=Preview pull requests with ${file}`);
  const repository = { full_name: "example/deal-flow" };
  const head = { ref: "preview", sha: place.git("rev-parse", "HEAD"), repo: repository };
  comments = [];
  const number = theOnlyNumber;
  const base = { ref: "main", sha: head.sha, repo: repository };
  const payload = { number, repository, pull_request: { number, head, base } };
  const { exitCode, output } = await act.run("pull_request", file, payload, { variables: { PLAN_ROLE: role } });
  expect(exitCode).toBe(0);
  expect(output).toContain("Plan for deal-flow, local");
  expect(output).toContain("make image `code` of layers");
  expect(output).toContain("Job succeeded");
  expect(comments.map(({ body }) => /^### .*$/m.exec(body)?.[0])).toEqual(["### Plan for deal-flow, local"]);
  expect([...place.bed.aws.neighbours.sessions.values()].at(-1)).toMatchObject({ role: "plan" });
  expect(output).not.toMatch(/\[Deploy\/(deploy|rollback)\].*Run Main/);
});
