import { outcomeSchema } from "../../../src/domain/journal.ts";
import { type Job, runPost, runStep, startStep, type StepResult } from "../../runner/run-step.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import {
  type Checkout,
  checkOut,
  playSmallStack,
  readLock,
  readRecord,
  type SmallStack,
  stackFile,
} from "./small-stack.ts";

let bed: Bed;
let small: SmallStack;
let checkout: Checkout;
let job: Job;

beforeAll(async () => {
  bed = await startBed();
  small = await playSmallStack(bed);
}, 120_000);
afterAll(() => bed.close());
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
  bed.aws.faults.inject({
    on: "ecs:RegisterTaskDefinition",
    what: { kind: "latency", milliseconds: 60_000 },
    times: 1,
  });
  const running = await startStep(job, { ...register, with: { release: made.outputs["release"] ?? "" } });
  await until(async () => ((await readLock(small))?.open ?? []).length > 0);
  process.kill(running.pid, "SIGKILL");
  const killed = await running.result;
  bed.aws.faults.clear();
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

test("an action that takes no lock has no post step", async () => {
  const made = await runStep(job, { action: "actions/build-push-image" });
  expect(await runPost(job, { action: "actions/build-push-image" }, made)).toBeNull();
});

async function until(met: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (await met()) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error("it has not come to that in 30 s");
}
