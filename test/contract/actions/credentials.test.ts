import { type FakeIdentityTokens, startFakeIdentityTokens } from "../../github/fake-identity-tokens.ts";
import { trustPolicyFor } from "../../github/identity-token.ts";
import { type Job, runPost, runStep, type StepResult } from "../../runner/run-step.ts";
import { type Checkout, checkOut, type SmallStack, startSmallStack, stackFile, writesOf } from "./small-stack.ts";

const subject = "repo:owner/small:environment:production";

let small: SmallStack;
let checkout: Checkout;
let github: FakeIdentityTokens;
let role: string;
let since: number;
let runId = 700;

beforeAll(async () => {
  small = await startSmallStack({ speed: 20 });
  github = await startFakeIdentityTokens(subject);
  role = small.infrastructure.roleArn("deploy");
});
afterAll(async () => {
  await github.close();
  await small.bed.close();
});
beforeEach(async () => {
  checkout = await checkOut(small);
  runId += 1;
  // Another definition in each test: none finds its own registered already.
  const settings = `module: app.main, environment: { RUN: "${runId}" } }`;
  await checkout.write(
    "dagster-stack.yml",
    stackFile((text) => text.replace("module: app.main }", settings)),
  );
  checkout.commit("Settings");
  trust(subject);
  small.bed.aws.neighbours.sessionSeconds = null;
  since = small.bed.calls.length;
});
afterEach(() => checkout.remove());

/** From now on the role lets itself be assumed by who says to be this. */
function trust(sub: string): void {
  const trustPolicy = trustPolicyFor(small.bed.account, sub);
  small.bed.aws.neighbours.roles.set("deploy", { name: "deploy", arn: role, trustPolicy });
}

/** A job that has nothing of AWS but the way to it. */
function job(environment: Readonly<Record<string, string>> = github.environment): Job {
  return {
    workspace: checkout.folder,
    repository: "owner/small",
    runId,
    environment: { AWS_ENDPOINT_URL: small.bed.url, AWS_EC2_METADATA_DISABLED: "true", ...environment },
  };
}

function run(inputs: Readonly<Record<string, string>>, environment?: Readonly<Record<string, string>>) {
  return runStep(job(environment), { action: ".", with: { "role-to-assume": role, ...inputs } });
}

function errorOf({ exitCode, annotations }: StepResult): string {
  expect(exitCode).toBe(1);
  const errors = annotations.filter(({ level }) => level === "error");
  expect(errors).toHaveLength(1);
  return errors[0]?.message ?? "";
}

/** Calls of the step that AWS let through, by who made them. */
function callers(): readonly string[] {
  const served = small.bed.calls.slice(since).filter(({ service, caller }) => service !== "registry" && caller !== "");
  return [...new Set(served.map(({ caller }) => caller))];
}

test("a job without credentials works as the role that it assumes, and shows no secret", async () => {
  const result = await run({ command: "plan" });
  expect(result.exitCode).toBe(0);
  expect(callers()).toEqual(["deploy"]);
  const sessions = [...small.bed.aws.neighbours.sessions.values()];
  expect(sessions.at(-1)).toMatchObject({ role: "deploy", name: `dagster-ecs-${runId}-1` });
  const shown = [...result.log, result.summary, JSON.stringify(result.outputs), JSON.stringify(result.state)].join(
    "\n",
  );
  for (const secret of [...github.given, ...sessions.map(({ sessionToken }) => sessionToken), "secret-key-of"])
    expect(shown).not.toContain(secret);
});

test("a session is called as the job wants", async () => {
  expect((await run({ command: "status", "role-session-name": "release@owner" })).exitCode).toBe(0);
  expect([...small.bed.aws.neighbours.sessions.values()].at(-1)).toMatchObject({ name: "release@owner" });
});

test("a role that is assumed goes before credentials that the job has", async () => {
  const other = { ...small.bed.environment("somebody"), ...github.environment, AWS_REGION: "us-east-1" };
  const result = await run({ command: "status" }, other);
  expect(result.exitCode).toBe(0);
  expect(callers()).toEqual(["deploy"]);
  expect(result.log).toContain("working in eu-central-1, as dagster-stack.yml says, and not in this job's us-east-1");
});

test("a job that may not have an identity token is told which permission it lacks", async () => {
  const message = errorOf(await run({ command: "plan" }, {}));
  expect(message).toContain("may not ask GitHub for an identity token");
  expect(message).toContain("id-token: write");
  expect(small.bed.calls.slice(since)).toEqual([]);
});

test("a job that GitHub gives no token is told so, and not of AWS", async () => {
  const environment = { ...github.environment, ACTIONS_ID_TOKEN_REQUEST_TOKEN: "another" };
  const message = errorOf(await run({ command: "plan" }, environment));
  expect(message).toContain("GitHub gave this job no identity token");
  expect(message).toContain("401");
});

test("a role that does not trust the job is told with what the job's token says", async () => {
  trust("repo:owner/small:ref:refs/heads/main");
  const message = errorOf(await run({ command: "deploy" }));
  expect(message).toContain(`AWS does not let this job assume the role ${role}`);
  expect(message).toContain(
    `"token.actions.githubusercontent.com:aud":"sts.amazonaws.com","token.actions.githubusercontent.com:sub":"${subject}"`,
  );
  expect(writesOf(small, since)).toEqual([]);
});

test("what counts for allowed-account-ids is the account of the role", async () => {
  const message = errorOf(await run({ command: "deploy", "allowed-account-ids": "111111111111" }));
  expect(message).toMatch(/of account 123456789012, and only 111111111111 may be touched/);
  expect(message).toContain("role-to-assume");
  expect(writesOf(small, since)).toEqual([]);
});

test("a release that outlives its session is carried on, and taken back, by those that follow", async () => {
  // The small stack's containers hold no Dagster and do not start. A session is renewed when five minutes of it are left.
  small.bed.aws.neighbours.sessionSeconds = 302;
  const result = await run({ command: "deploy" });
  expect(result).toMatchObject({ exitCode: 1, outputs: { outcome: "taken-back" } });
  const calls = small.bed.calls
    .slice(since)
    .filter(({ service, caller }) => service !== "registry" && caller === "deploy");
  const [first, ...later] = [...new Set(calls.map(({ accessKeyId }) => accessKeyId))];
  expect(later).not.toEqual([]);
  const callsOf = (operation: string) => calls.filter((call) => call.operation === operation);
  expect(callsOf("UpdateService").at(-1)?.accessKeyId).not.toBe(first);
  expect(callsOf("PutObject").at(-1)?.accessKeyId).toBe(later.at(-1));
});

test("a post step closes what is open with a session of its own", async () => {
  const images = { action: "actions/build-push-image", with: { "role-to-assume": role } };
  const made = await runStep(job(), images);
  expect(made.exitCode).toBe(0);
  const register = {
    action: "actions/register-task-def",
    with: { "role-to-assume": role, release: made.outputs["release"] ?? "" },
  };
  const registered = await runStep(job(), register);
  expect(registered.exitCode).toBe(0);
  const tokens = github.given.length;
  const post = await runPost(job(), register, registered);
  expect(post).toMatchObject({ exitCode: 0, summary: expect.stringContaining("No service had moved") as unknown });
  expect(github.given).toHaveLength(tokens + 1);
});

test("credentials of the job that end too soon are warned of before anything is done", async () => {
  const expiration = new Date(Date.now() + 20 * 60_000).toISOString();
  const environment = { ...small.bed.environment("deploy"), AWS_CREDENTIAL_EXPIRATION: expiration };
  const result = await runStep(job(environment), { action: "." });
  expect(result.outputs["outcome"]).toBe("taken-back");
  expect(result.annotations.map(({ properties }) => properties["title"])).toContain("credentials-expire");
  const warned = result.log.findIndex((line) => line.includes(`They end at ${expiration}`));
  const moved = result.log.findIndex((line) => line.startsWith("register/"));
  expect(warned).toBeGreaterThan(-1);
  expect(moved).toBeGreaterThan(warned);
});
