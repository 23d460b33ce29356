import { parseRelease, type Release } from "../../../src/domain/release.ts";
import { grantPolicy } from "../../releases/role-policy.ts";
import { type Job, runPost, runStep, type Step, type StepResult } from "../../runner/run-step.ts";
import { documentedFor, neededBy } from "./documented-permissions.ts";
import {
  type Checkout,
  checkOut,
  putRecord,
  type SmallStack,
  startSmallStack,
  stackFile,
  writesOf,
} from "./small-stack.ts";

let small: SmallStack;
let checkout: Checkout;
/** What staging runs: its images are real, its end is told. */
let proved: Release;
let since: number;

/** The bed has one infrastructure for both. */
const oneBed = "    checks: { contract-shared: { level: warning, until: 2099-12-31, reason: one bed } }\n";

beforeAll(async () => {
  small = await startSmallStack();
  checkout = await checkOut(small);
  await checkout.write(
    "dagster-stack.yml",
    stackFile(
      (text) => `${text}environments:\n  staging:\n    images: { app: { repository: small/staging } }\n${oneBed}`,
    ),
  );
  checkout.commit("Stage it");
  const made = await run("actions/build-push-image", { environment: "staging" });
  expect(made.exitCode).toBe(0);
  proved = parseRelease(made.outputs["release"] ?? "");
  const at = "2026-11-21T10:00:00.000Z";
  const outcome = {
    schema: 1,
    kind: "outcome",
    command: "deploy",
    outcome: "committed",
    services: [],
    cause: null,
    at,
  };
  const owner = { name: "test", attempt: 1, url: null, run: null };
  await putRecord(small, `releases/${proved.id}/outcome.json`, { ...outcome, release: proved, owner }, "staging");
  await putRecord(small, "current.json", { schema: 1, release: proved.id, previous: null, at }, "staging");
  await checkout.write("app/main.py", "definitions = 'not proved yet'\n");
  checkout.commit("Later");
});
afterAll(async () => {
  await checkout.remove();
  await small.bed.close();
});
beforeEach(() => {
  since = small.bed.calls.length;
});

const job = (): Job => ({
  workspace: checkout.folder,
  repository: "owner/small",
  runId: 500,
  environment: small.bed.environment("deploy"),
  grant: (asked, step) => grantPolicy(small.bed, asked, step),
});

function run(action: string, inputs: Step["with"] = {}): Promise<StepResult> {
  return runStep(job(), { action, with: inputs });
}

const digest = (): string => proved.images["app"]?.digest ?? "";

test("a plan of what staging runs names its digest, and is refused while the image may not be copied", async () => {
  const planned = await run(".", { command: "plan", from: "staging", "copy-images": "true" });
  expect(planned.exitCode).toBe(0);
  expect(planned.summary).toContain(`Images are those of release \`${proved.id}\` of staging`);
  expect(planned.summary).toContain("copy image `app`");
  const refused = await run(".", { command: "plan", from: "staging" });
  expect(refused.exitCode).toBe(1);
  expect(refused.annotations.map(({ message }) => message).join("\n")).toMatch(/`copy-images: true`/);
  expect(writesOf(small, since)).toEqual([]);
});

test("the image is copied as it is, and travels on with the release; with the rights that are written down", async () => {
  const copied = await run("actions/build-push-image", { from: `staging@${proved.id}`, "copy-images": "true" });
  expect(copied.exitCode).toBe(0);
  expect(JSON.parse(copied.outputs["images"] ?? "")).toEqual({ app: { repository: "small", digest: digest() } });
  const release = parseRelease(copied.outputs["release"] ?? "");
  expect(release).toMatchObject({
    environment: "production",
    source: proved.source,
    promotes: { environment: "staging", release: proved.id },
  });
  const documented = documentedFor("build-push-image");
  const needed = neededBy(small.bed.calls.slice(since), "deploy");
  expect(needed.filter((permission) => !documented.includes(permission))).toEqual([]);

  since = small.bed.calls.length;
  const again = await run("actions/build-push-image", { from: "staging" });
  expect(again).toMatchObject({ exitCode: 0, outputs: { changed: "false" } });
  expect(writesOf(small, since)).toEqual([]);

  const register = { action: "actions/register-task-def", with: { release: copied.outputs["release"] ?? "" } };
  const registered = await runStep(job(), register);
  expect(registered.exitCode).toBe(0);
  const definitions = small.bed.aws.calls.filter(({ operation }) => operation === "RegisterTaskDefinition").slice(-4);
  expect(definitions).toHaveLength(4);
  for (const { input } of definitions) expect(JSON.stringify(input)).toContain(`/small@${digest()}`);
  const other = await run("actions/register-task-def", { ...register.with, only: "app" });
  expect(other.annotations.map(({ message }) => message).join("\n")).toMatch(
    /is of the whole stack, and this step is of app/,
  );
  await runPost(job(), register, registered);
});
