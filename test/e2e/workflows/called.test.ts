import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileSync, readFileSync } from "node:fs";
import { ECSClient, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import { workflows } from "../../../scripts/generate/action-tables.ts";
import { openWorkplace, type Workplace } from "../../../scripts/demo/workplace.ts";
import { type FakeComment, type FakeGithub, startFakeGithub, theOnlyNumber } from "../../github/fake-github.ts";
import { type FakeIdentityTokens, startFakeIdentityTokens } from "../../github/fake-identity-tokens.ts";
import { trustPolicyFor } from "../../github/identity-token.ts";
import { type Act, type ActEnd, openAct, ownName, withoutCredentials, writeWorkflow } from "../../workflows/act.ts";
import { translated } from "../../workflows/translated.ts";
import { documentedFor, documentedWith, neededBy } from "../../contract/actions/documented-permissions.ts";

const root = join(import.meta.dirname, "../../..");
const roles = ["plan", "build", "deploy", "clean-up"] as const;
let place: Workplace;
let act: Act;
let github: FakeIdentityTokens;
let api: FakeGithub;
const comments: FakeComment[] = [];
let variables: Readonly<Record<string, string>>;

beforeAll(async () => {
  place = await openWorkplace({ speed: 20, shares: true });
  const subject = "repo:example/deal-flow:ref:refs/heads/main";
  github = await startFakeIdentityTokens(subject);
  const writer = { login: "github-actions[bot]" };
  api = await startFakeGithub({ pullRequest: () => ({ comments, files: [], writer }) });
  const trustPolicy = trustPolicyFor(place.bed.account, subject);
  for (const name of roles) {
    const arn = place.infrastructure.roleArn(name);
    place.bed.aws.neighbours.roles.set(name, { name, arn, trustPolicy });
  }
  variables = Object.fromEntries(
    roles.map((name) => [`${name.toUpperCase().replace("-", "_")}_ROLE`, place.infrastructure.roleArn(name)]),
  );
  place.git("remote", "add", "origin", "https://github.com/example/deal-flow.git");
  act = await openAct(place, { ...withoutCredentials(place), ...github.environment, GITHUB_API_URL: api.url });
  await writeWorkflows();
  commit("Release by workflows");
}, 600_000);
afterAll(async () => {
  await place.close();
  await github.close();
  await act.close();
  await api.close();
});

/** The callers of docs/workflows.md for this machine's environment, and what they call, as act reads it. */
async function writeWorkflows(): Promise<void> {
  for (const name of workflows) {
    const text = await readFile(join(root, `.github/workflows/${name}.yml`), "utf8");
    await writeWorkflow(
      place.folder,
      `called-${name}.yml`,
      translated(text, (path) => `${ownName}/${path}@v1`),
    );
  }
  const page = await readFile(join(root, "docs/workflows.md"), "utf8");
  for (const [, file = "", text = ""] of page.matchAll(/```yaml\n# \.github\/workflows\/(\S+)\n([^]*?)```/g)) {
    const local = text
      .replace(/OWNER\/dagster-ecs-actions\/\.github\/workflows\/(\S+)@v1/, "./.github/workflows/called-$1")
      .replace(/^ {4}with:\n/m, "    with:\n      environment: local\n");
    await writeWorkflow(place.folder, file, local);
  }
}

function commit(message: string): string {
  place.git("add", "--all");
  place.git("commit", "--quiet", `--message=${message}`);
  return place.git("rev-parse", "HEAD");
}

function edit(path: string, change: (text: string) => string): void {
  const file = join(place.folder, path);
  const text = readFileSync(file, "utf8");
  expect(change(text)).not.toBe(text);
  writeFileSync(file, change(text));
}

const push = (sha: string): Promise<ActEnd> =>
  act.run("push", "release.yml", { ref: "refs/heads/main", after: sha }, { variables, commit: sha });

/** What each role was needed for since then, and docs/permissions.md does not grant it. */
function undocumentedSince(at: number, rollsBack = false): Readonly<Record<string, readonly string[]>> {
  const columns = {
    plan: ["plan", "status"],
    build: ["build-push-image"],
    deploy: [rollsBack ? "rollback" : "deploy"],
    "clean-up": ["clean-up"],
  };
  return Object.fromEntries(
    roles.map((role) => {
      const asked = role === "clean-up" ? documentedWith("With `keep-revisions`") : [];
      const documented = [...columns[role].flatMap(documentedFor), ...asked];
      return [role, neededBy(place.bed.calls.slice(at), role).filter((one) => !documented.includes(one))];
    }),
  );
}
const nothing = { plan: [], build: [], deploy: [], "clean-up": [] };

/** The jobs that had steps, without what calls them. */
const jobs = ({ jobs: names }: ActEnd): readonly string[] => names.map((name) => name.split("/").at(-1) ?? name);

/** What the release says that is current now: the end of its id is the commit. */
async function current(): Promise<string> {
  const end = await act.run("schedule", "drift.yml", {}, { variables });
  const [, sha] = /release \d{8}T\d{6}Z-([0-9a-f]+)/.exec(end.output) ?? [];
  if (sha === undefined) throw new Error(end.output);
  return sha;
}

/** What a release says that comes too late. */
const superseded = /does not contain [0-9a-f]{40}.*which is released|was begun on \S+, and \S+ is current now/;

let first: string;
let second: string;
let third: string;

test("the first push plans, makes the images and deploys, each job by the role that is for it", async () => {
  first = place.git("rev-parse", "HEAD");
  const end = await push(first);
  expect(told(end)).toEqual({ exitCode: 0, jobs: ["Plan", "Build", "Deploy"] });
  expect(undocumentedSince(0)).toEqual(nothing);
}, 600_000);

test("the same push again plans, and asks nobody for anything", async () => {
  expect(told(await push(first))).toEqual({ exitCode: 0, jobs: ["Plan"] });
}, 600_000);

test("of two pushes at once the newer is current in the end, and the older one does not come back", async () => {
  edit("app/version.py", (text) => text.replace('"1"', '"2"'));
  second = commit("Say version 2");
  edit("app/version.py", (text) => text.replace('"2"', '"3"'));
  third = commit("Say version 3");
  const [older, newer] = await Promise.all([push(second), push(third)]);
  expect(told(newer)).toEqual({ exitCode: 0, jobs: ["Plan", "Build", "Deploy"] });
  if (older.exitCode !== 0) expect(older.output).toMatch(superseded);
  expect(third).toMatch(new RegExp(`^${await current()}`));
  const again = await push(second);
  expect(told(again)).toEqual({ exitCode: 1, jobs: ["Plan"] });
  expect(again.output).toMatch(superseded);
  expect(undocumentedSince(0)).toEqual(nothing);
}, 600_000);

test("what a plan refuses is red there, and goes to nobody for approval", async () => {
  edit("dagster-stack.yml", (text) =>
    text.replace("\nenvironment:\n", '\nenvironment:\n  API_TOKEN: "0123456789abcdef0123456789abcdef"\n'),
  );
  const end = await push(commit("A secret that everybody may read"));
  expect(told(end)).toEqual({ exitCode: 1, jobs: ["Plan"] });
  expect(end.output).toContain("secret-in-environment");
  place.git("reset", "--quiet", "--hard", third);
}, 600_000);

test("a bad push fails in its deploy job, and is taken back", async () => {
  edit("app/main.py", (text) => `import pandsa\n${text}`);
  const bad = commit("Use pandsa");
  const end = await push(bad);
  expect(told(end)).toEqual({ exitCode: 1, jobs: ["Plan", "Build", "Deploy"] });
  expect(end.output).toContain("pandsa");
  place.git("reset", "--quiet", "--hard", third);
  expect(third).toMatch(new RegExp(`^${await current()}`));
}, 600_000);

test("a dispatch goes back, after its plan; one to a release that is not there is refused in the plan", async () => {
  const dispatch = (to: string): Promise<ActEnd> =>
    act.run("workflow_dispatch", "rollback.yml", { inputs: { to } }, { variables });
  expect(told(await dispatch("0123456"))).toEqual({ exitCode: 1, jobs: ["Plan"] });
  const at = place.bed.calls.length;
  expect(told(await dispatch(first))).toEqual({ exitCode: 0, jobs: ["Plan", "Roll back"] });
  expect(undocumentedSince(at, true)).toEqual(nothing);
  expect(first).toMatch(new RegExp(`^${await current()}`));
}, 600_000);

test("a pull request is planned by the role that reads, a fork's is told so and a closed one's is skipped, green", async () => {
  const at = place.bed.calls.length;
  const request = (action: string, from: string): Promise<ActEnd> => {
    const repository = { full_name: "example/deal-flow" };
    const head = { ref: "preview", sha: third, repo: { full_name: from } };
    const number = theOnlyNumber;
    const base = { ref: "main", sha: first, repo: repository };
    const payload = { action, number, repository, pull_request: { number, head, base } };
    return act.run("pull_request", "preview.yml", payload, { variables });
  };
  const foreign = await request("opened", "somebody/deal-flow");
  expect(told(foreign)).toEqual({ exitCode: 0, jobs: ["Preview"] });
  expect(foreign.output).toContain("Not planned");
  expect(told(await request("closed", "example/deal-flow"))).toEqual({ exitCode: 0, jobs: [] });
  expect(place.bed.calls.length).toBe(at);
  const shown = await request("synchronize", "example/deal-flow");
  expect(told(shown)).toEqual({ exitCode: 0, jobs: ["Preview"] });
  expect(shown.output).toContain("Plan for deal-flow, local");
  expect(comments.map(({ body }) => /^### .*$/m.exec(body)?.[0])).toEqual(["### Plan for deal-flow, local"]);
}, 600_000);

test("a clean-up on a schedule looks for old task definitions, by the role that is for it", async () => {
  const at = place.bed.calls.length;
  const end = await act.run("schedule", "clean-up.yml", {}, { variables });
  expect(told(end)).toEqual({ exitCode: 0, jobs: ["Clean up"] });
  expect(end.output).toMatch(/No old task definition|deregistered: /);
  expect(neededBy(place.bed.calls.slice(at), "clean-up")).toContain("ecs:ListTaskDefinitions");
  expect(undocumentedSince(at)).toEqual(nothing);
}, 600_000);

test("drift that somebody made by hand is red, with what it is", async () => {
  const { infrastructure, bed } = place;
  const ecs = new ECSClient({
    endpoint: bed.url,
    region: bed.region,
    credentials: { accessKeyId: "person", secretAccessKey: "secret" },
  });
  const { cluster, services } = infrastructure.contract;
  await ecs.send(new UpdateServiceCommand({ cluster, service: services["webserver"]?.service, desiredCount: 0 }));
  const end = await act.run("schedule", "drift.yml", {}, { variables });
  expect(told(end)).toEqual({ exitCode: 1, jobs: ["Drift"] });
  expect(end.output).toContain("webserver");
}, 600_000);

/** What is shown of one that ended otherwise than a test says. */
function told(end: ActEnd): Pick<ActEnd, "exitCode" | "jobs"> {
  return { exitCode: end.exitCode, jobs: jobs(end) };
}
