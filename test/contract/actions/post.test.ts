import { outcomeSchema } from "../../../src/domain/journal.ts";
import { type Job, runPost, runStep, startStep, type StepResult } from "../../runner/run-step.ts";
import {
  type Checkout,
  checkOut,
  readLock,
  readRecord,
  type SmallStack,
  startSmallStack,
  stackFile,
} from "./small-stack.ts";

let small: SmallStack;
let checkout: Checkout;
let job: Job;

beforeAll(async () => {
  small = await startSmallStack();
});
afterAll(() => small.bed.close());
beforeEach(async () => {
  checkout = await checkOut(small);
  job = checkout.job();
  // Another definition in each test: none finds its own registered already.
  const settings = `module: app.main, environment: { RUN: "${job.runId}" } }`;
  await checkout.write(
    "dagster-stack.yml",
    stackFile((text) => text.replace("module: app.main }", settings)),
  );
  checkout.commit("Settings");
});
afterEach(() => checkout.remove());

const register = { action: "actions/register-task-def" };

async function registered(): Promise<StepResult> {
  const made = await runStep(job, { action: "actions/build-push-image" });
  expect(made.exitCode).toBe(0);
  const result = await runStep(job, { ...register, with: { release: made.outputs["release"] ?? "" } });
  expect(result.exitCode).toBe(0);
  return result;
}

test("a job that ends between two of its actions leaves no lock, and an end to what it had begun", async () => {
  const result = await registered();
  expect((await readLock(small))?.holder?.name).toBe(`owner/small/run/${job.runId}/job/deploy`);
  const post = await runPost(job, register, result);
  expect(post).toMatchObject({ exitCode: 0, summary: expect.stringContaining("No service had moved") as unknown });
  expect(await readLock(small)).toMatchObject({ holder: null, open: [] });
  const id = result.outputs["release-id"] ?? "";
  const outcome = outcomeSchema.parse(JSON.parse((await readRecord(small, `releases/${id}/outcome.json`)) ?? ""));
  expect(outcome).toMatchObject({ outcome: "abandoned", cause: "interrupted" });
  const again = await runPost(job, register, result);
  expect(again).toMatchObject({ exitCode: 0, summary: "" });
});

test("an action that was killed is closed by its post step", async () => {
  const made = await runStep(job, { action: "actions/build-push-image" });
  small.bed.aws.faults.inject({
    on: "ecs:RegisterTaskDefinition",
    what: { kind: "latency", milliseconds: 60_000 },
    times: 1,
  });
  const running = await startStep(job, { ...register, with: { release: made.outputs["release"] ?? "" } });
  await until(async () => ((await readLock(small))?.open ?? []).length > 0);
  process.kill(running.pid, "SIGKILL");
  const killed = await running.result;
  small.bed.aws.faults.clear();
  expect(killed.exitCode).toBeNull();
  const post = await runPost(job, register, killed);
  expect(post?.exitCode).toBe(0);
  expect(await readLock(small)).toMatchObject({ holder: null, open: [] });
});

test("an earlier attempt closes nothing of a later one", async () => {
  const result = await registered();
  const later = { ...job, attempt: 2 };
  const next = await runStep(later, { ...register, with: { release: result.outputs["release"] ?? "" } });
  expect(next.exitCode).toBe(0);
  expect(await runPost(job, register, result)).toMatchObject({ exitCode: 0, summary: "" });
  expect((await readLock(small))?.holder).toMatchObject({ attempt: 2 });
  await runPost(later, register, next);
  expect(await readLock(small)).toMatchObject({ holder: null, open: [] });
});

test("an action that takes no lock has nothing to close: its post step asks nobody", async () => {
  const made = await runStep(job, { action: "actions/build-push-image" });
  const since = small.bed.calls.length;
  expect(await runPost(job, { action: "actions/build-push-image" }, made)).toMatchObject({ exitCode: 0, summary: "" });
  expect(small.bed.calls.length).toBe(since);
});

test.each<[string, { readonly action: string; readonly with?: Readonly<Record<string, string>> }, () => Promise<void>]>(
  [
    [
      "a stack file that cannot be read",
      { action: "." },
      async () => {
        await checkout.write(
          "dagster-stack.yml",
          stackFile((text) => `${text}colour: red\n`),
        );
        checkout.commit("Paint it");
      },
    ],
    [
      "a session that is over",
      { action: "actions/deploy-service" },
      async () => {
        small.bed.aws.faults.inject({ on: "*", caller: "deploy", what: { kind: "expired-token" } });
      },
    ],
    [
      "a session that is over, for a rollback",
      { action: ".", with: { command: "rollback", to: "previous" } },
      async () => {
        small.bed.aws.faults.inject({ on: "*", caller: "deploy", what: { kind: "expired-token" } });
      },
    ],
  ],
)("an action that is refused for %s is red once: its post step has nothing to close", async (_, step, spoil) => {
  await spoil();
  const refused = await runStep(job, step);
  expect(refused.exitCode).toBe(1);
  expect(refused.annotations.filter(({ level }) => level === "error")).toHaveLength(1);
  expect(refused.state).toEqual({});
  expect(await runPost(job, step, refused)).toMatchObject({ exitCode: 0, annotations: [], summary: "" });
  small.bed.aws.faults.clear();
});

test("a post step that may not look any more says so, and leaves the red to what ended the release", async () => {
  const result = await registered();
  small.bed.aws.faults.inject({ on: "*", caller: "deploy", what: { kind: "expired-token" } });
  const post = await runPost(job, register, result);
  small.bed.aws.faults.clear();
  expect(post).toMatchObject({ exitCode: 0, annotations: [] });
  expect(post?.log.join("\n")).toContain("what this job may have left open is left to the next release: ");
  await runPost(job, register, result);
  expect(await readLock(small)).toMatchObject({ holder: null, open: [] });
});

async function until(met: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (await met()) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error("it has not come to that in 30 s");
}
