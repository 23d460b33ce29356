import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseRelease } from "../../../src/domain/release.ts";
import { neededBy } from "../actions/documented-permissions.ts";
import { parsePolicy } from "../../infra/policy.ts";
import { type CommandResult, type Desk, runCommand } from "../../runner/run-command.ts";
import {
  type Checkout,
  checkOut,
  heldLock,
  putRecord,
  readLock,
  removeRecord,
  type SmallStack,
  stackFile,
  startSmallStack,
  writesOf,
} from "../actions/small-stack.ts";

let small: SmallStack;
let checkout: Checkout;
let desk: Desk;

beforeAll(async () => {
  small = await startSmallStack();
});
afterAll(() => small.bed.close());
beforeEach(async () => {
  checkout = await checkOut(small);
  desk = { folder: checkout.folder, environment: small.bed.environment("deploy") };
});
afterEach(async () => {
  await removeRecord(small, "lock.json");
  await checkout.remove();
});

const run = (...words: readonly string[]): Promise<CommandResult> => runCommand(desk, words);

test("a repository without a remote is asked for its name, and nothing is called", async () => {
  const since = small.bed.calls.length;
  const result = await run("plan");
  expect(result).toMatchObject({ exitCode: 1, output: "" });
  expect(result.errors).toContain("fix: Give `--repository owner/name`");
  expect(small.bed.calls).toHaveLength(since);
});

test("a stack file beside whoever asks, and not at the root, is named with the option that reads it", async () => {
  await checkout.write("shop/other.yml", stackFile());
  const inFolder = { ...desk, folder: join(checkout.folder, "shop") };
  const asked = ["plan", "--stack=other.yml", "--repository=owner/small"];
  const { errors } = await runCommand(inFolder, asked);
  expect(errors).toContain(`error: The stack file cannot be read: ${join(checkout.folder, "other.yml")}.`);
  expect(errors).toContain("fix: There is one here: `--stack=shop/other.yml`.");
  expect((await run(...asked)).errors).toContain("fix: Give its path from the root of the checkout, `--stack`.");
});

test("doctor is green before the first release: its webserver is only not started", async () => {
  const result = await run("doctor", "--repository=owner/small");
  expect(result).toMatchObject({ exitCode: 0, errors: "" });
  expect(result.output).toContain("nothing is released yet");
  expect(result.output).toContain("good: webserver: not started yet: the first deploy starts it");
});

test("who only looks is not asked for the name of the repository", async () => {
  for (const command of ["status", "history", "doctor"])
    expect(await run(command)).toMatchObject({ exitCode: 0, errors: "" });
});

test("the program tells its version", async () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly version: string };
  expect(await run("--version")).toEqual({ exitCode: 0, output: `${version}\n`, errors: "" });
});

test("policy prints what a role needs, by the names of the stack, and a plan calls nothing else", async () => {
  const since = small.bed.calls.length;
  expect(await run("plan", "--repository=owner/small")).toMatchObject({ exitCode: 2 });
  const called = neededBy(small.bed.calls.slice(since), "deploy");
  const result = await run("policy", "--for", "plan", "--repository=owner/small");
  expect(result).toMatchObject({ exitCode: 0, errors: "" });
  const policy = parsePolicy(result.output);
  const actions = policy.Statement.flatMap(({ Action }) => Action);
  expect(called.filter((action) => !actions.includes(action))).toEqual([]);
  expect(policy.Statement.find(({ Sid }) => Sid === "Repositories")?.Resource).toEqual(
    ["small", "small/base"].map((name) => `arn:aws:ecr:eu-central-1:${small.bed.account}:repository/${name}`),
  );
  const json = await run("policy", "--for=plan", "--json", "--repository=owner/small");
  expect(JSON.parse(json.output)).toEqual(JSON.parse(result.output));
  const publisher = parsePolicy((await run("policy", "--for=sync-dags", "--repository=owner/small")).output);
  expect(publisher.Statement.map(({ Sid, Resource }) => [Sid, ...Resource])).toEqual([
    ["Published", expect.stringMatching(/^arn:aws:s3:::[\w-]+\/dags\/small\/\*$/)],
    ["PublishedListed", expect.stringMatching(/^arn:aws:s3:::[\w-]+$/)],
  ]);
  const unknown = await run("policy", "--for=plan,dance", "--repository=owner/small");
  expect(unknown).toMatchObject({
    exitCode: 1,
    errors: expect.stringContaining('A role cannot be for "dance"') as unknown,
  });
});

test("a lock of somebody else ends a deploy with 3, and unlock takes it away", async () => {
  await putRecord(small, "lock.json", heldLock);
  const since = small.bed.calls.length;
  const locked = await run("deploy", "--repository=owner/small", "--json");
  expect(locked.exitCode).toBe(3);
  expect(JSON.parse(locked.output)).toMatchObject({
    error: { kind: "locked", fix: expect.stringContaining("`--lock-timeout`") as unknown },
    release: null,
  });
  expect(writesOf(small, since)).toEqual([]);

  const reasonless = await run("unlock", "--repository=owner/small");
  expect(reasonless).toMatchObject({ exitCode: 1, errors: expect.stringContaining("says why") as unknown });
  const dry = await run("unlock", "--repository=owner/small", "--reason=gone", "--dry-run");
  expect(dry).toMatchObject({ exitCode: 0, output: expect.stringContaining("would be taken away") as unknown });
  expect(await readLock(small)).toEqual(heldLock);
  const taken = await run("unlock", "--repository=owner/small", "--reason=gone");
  expect(taken).toMatchObject({ exitCode: 0, output: `The lock was taken away from ${heldLock.holder.name}: gone\n` });
  expect((await readLock(small))?.holder).toBeNull();
});

test("an account that is not to be touched is not", async () => {
  const result = await run("status", "--repository=owner/small", "--allowed-account-ids", "999999999999");
  expect(result.exitCode).toBe(1);
  expect(result.errors).toContain("only 999999999999 may be touched");
  expect(result.errors).toContain("where: `--allowed-account-ids`");
});

test("promote plans with the images of another environment", async () => {
  await checkout.write(
    "dagster-stack.yml",
    stackFile(
      (text) =>
        `${text}environments:\n  staging:\n    images: { app: { repository: small/staging } }\n    checks: { contract-shared: { level: warning, until: 2099-12-31, reason: one bed } }\n`,
    ),
  );
  checkout.commit("Stage it");
  const made = await checkout.run({ action: "actions/build-push-image", with: { environment: "staging" } });
  const release = parseRelease(made.outputs["release"] ?? "");
  const at = "2026-11-21T10:00:00.000Z";
  const owner = { name: "test", attempt: 1, url: null, run: null };
  const outcome = { schema: 1, kind: "outcome", command: "deploy", outcome: "committed", services: [], cause: null };
  await putRecord(small, `releases/${release.id}/outcome.json`, { ...outcome, release, owner, at }, "staging");
  await putRecord(small, "current.json", { schema: 1, release: release.id, previous: null, at }, "staging");
  const result = await run("promote", "staging", "--copy-images", "--dry-run", "--repository=owner/small");
  expect(result.errors).not.toContain("error");
  expect(result.output).toMatch(/^Plan for small, production/);
  expect(result.output).toContain("image/app: the registry that it was made in has it, and this one does not");
  expect(result.exitCode).toBe(2);

  const nothing = await run("promote", "", "--repository=owner/small");
  expect(nothing).toMatchObject({ exitCode: 1, errors: expect.stringContaining("<from> is required") as unknown });
  const itself = await run("promote", "production", "--repository=owner/small");
  expect(itself).toMatchObject({ exitCode: 1, errors: expect.stringContaining("where: <from>") as unknown });
});
