import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { lockSchema, outcomeSchema } from "../../../src/domain/journal.ts";
import { type Job, runPost, runStep, startStep, type StepResult } from "../../runner/run-step.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { type Checkout, checkOut, playSmallStack, type SmallStack, stackFile } from "./small-stack.ts";

let bed: Bed;
let small: SmallStack;
let checkout: Checkout;
let job: Job;
let runs = 100;

beforeAll(async () => {
  bed = await startBed();
  small = await playSmallStack(bed);
}, 120_000);
afterAll(() => bed.close());
beforeEach(async () => {
  checkout = await checkOut(small);
  runs += 1;
  // Another definition in each test: none finds its own registered already.
  const settings = `module: app.main, environment: { RUN: "${runs}" } }`;
  await checkout.write(
    "dagster-stack.yml",
    stackFile((text) => text.replace("module: app.main }", settings)),
  );
  checkout.commit("Settings");
  job = {
    workspace: checkout.folder,
    repository: "owner/small",
    runId: runs,
    environment: bed.environment("deploy"),
  };
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
  expect((await lock()).holder?.name).toBe(`owner/small/run/${runs}/job/deploy`);
  const post = await runPost(job, register, result);
  expect(post).toMatchObject({ exitCode: 0, summary: expect.stringContaining("No service had moved") as unknown });
  expect(await lock()).toMatchObject({ holder: null, open: [] });
  const id = result.outputs["release-id"] ?? "";
  expect(outcomeSchema.parse(await read(`releases/${id}/outcome.json`))).toMatchObject({
    outcome: "abandoned",
    cause: "interrupted",
  });
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
  await until(async () => (await lock()).open.length > 0);
  process.kill(running.pid, "SIGKILL");
  const killed = await running.result;
  bed.aws.faults.clear();
  expect(killed.exitCode).toBeNull();
  const post = await runPost(job, register, killed);
  expect(post?.exitCode).toBe(0);
  expect(await lock()).toMatchObject({ holder: null, open: [] });
});

test("an earlier attempt closes nothing of a later one", async () => {
  const result = await registered();
  const later = { ...job, attempt: 2 };
  const next = await runStep(later, { ...register, with: { release: result.outputs["release"] ?? "" } });
  expect(next.exitCode).toBe(0);
  expect(await runPost(job, register, result)).toMatchObject({ exitCode: 0, summary: "" });
  expect((await lock()).holder).toMatchObject({ attempt: 2 });
  await runPost(later, register, next);
  expect(await lock()).toMatchObject({ holder: null, open: [] });
});

test("an action that takes no lock has no post step", async () => {
  const made = await runStep(job, { action: "actions/build-push-image" });
  expect(await runPost(job, { action: "actions/build-push-image" }, made)).toBeNull();
});

async function lock() {
  return lockSchema.parse(await read("lock.json"));
}

async function read(key: string): Promise<unknown> {
  const client = new S3Client({
    endpoint: bed.url,
    region: bed.region,
    credentials: { accessKeyId: "test", secretAccessKey: "secret" },
  });
  const Bucket = small.infrastructure.contract.bucket.name;
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket, Prefix: `small/production/${key}` }));
  if (Contents.length === 0)
    return { schema: 1, holder: null, since: "2026-11-21T10:00:00.000Z", leaseSeconds: 1, open: [], taken: null };
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: `small/production/${key}` }));
  return JSON.parse((await Body?.transformToString()) ?? "");
}

async function until(met: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (await met()) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error("it has not come to that in 30 s");
}
