import { Readable } from "node:stream";
import type { Progress } from "../../../../src/domain/context.ts";
import { Cancelled } from "../../../../src/domain/errors.ts";
import { PlanRefused, ReleaseCancelled, ReleaseFailed, ReleaseLost } from "../../../../src/releases/result.ts";
import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { newCode, newHost } from "../../../releases/played/situations.ts";
import type { Wire } from "../../../releases/played/wire.ts";
import { errorOf } from "../../../error-of.ts";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount();
  await account.clock.run(deployer(account, { run: 1 }).deploy());
  await account.clock.pass(60_000);
});
afterEach(() => account.close());

const failure = (work: Promise<unknown>): Promise<unknown> => account.clock.run(errorOf(work));
const rowOf = (summary: string, step: string): string =>
  summary.split("\n").find((line) => line.includes(`| ${step}`)) ?? "";

test("A roll that was cancelled is told as cancelled, not as failed", async () => {
  await account.commit(newCode);
  const who = deployer(account, {
    run: 2,
    wire: async (call, effect) => {
      const answer = await effect();
      if (call.operation === "UpdateService")
        account.clock.bed.after(1000, () => who.cancel(new Cancelled("Cancelled by SIGINT.")));
      return answer;
    },
  });
  const error = await failure(who.deploy());
  if (!(error instanceof ReleaseCancelled)) throw error;
  const row = rowOf(error.result.summary.markdown, "roll `code`");
  expect(row).toMatch(/^\| ■ \|.*\| cancelled \|/);
  expect(row).not.toContain("failed");
});

test("A roll that ECS took back is told as that, and the failure holds the log of its container", async () => {
  const code = await account.commit(newCode);
  account.runtime.script(({ definition }) => definition.family === "small-code" && definition.revision !== 2, {
    kind: "exits",
    code: 3,
    startsAfterSeconds: 1,
    afterSeconds: 1,
    log: [{ text: "KeyError: 'DATABASE'" }],
  });
  const who = deployer(account, { run: 2 });
  const error = await failure(who.deploy());
  if (!(error instanceof ReleaseFailed)) throw error;
  expect(error.result.release.source.sha).toBe(code);
  expect(rowOf(error.result.summary.markdown, "roll `code`")).toMatch(/^\| ✗ \|.*\| rolled-back \|/);
  expect(error.evidence.filter(({ kind }) => kind === "log").at(-1)?.text.untrusted).toMatch(/KeyError: 'DATABASE'$/);
  // The log says so before anything goes back: the verdict, and what was seen, in a group of its own.
  const stages = who.progress.flatMap((one) => (one.kind === "stage" ? [one.title] : []));
  expect(stages.slice(-2)).toEqual(["What was seen of roll/code", "Taking back"]);
  const at = (found: (one: Progress) => boolean): number => who.progress.findIndex(found);
  const verdict = at((one) => one.kind === "line" && /^roll\/code: rolled-back: .*exited with code 3/.test(one.text));
  const group = at((one) => one.kind === "stage" && one.title === "What was seen of roll/code");
  const words = at((one) => one.kind === "foreign" && one.text.untrusted.endsWith("KeyError: 'DATABASE'"));
  const back = at((one) => one.kind === "stage" && one.title === "Taking back");
  expect([verdict, group, words, back]).toEqual([verdict, group, words, back].toSorted((a, b) => a - b));
  expect(verdict).toBeGreaterThan(0);
  const seen = who.progress.slice(group, back);
  expect(seen.at(-1)).toEqual({ kind: "result", lines: [] }); // ends the group, whether or not a stage follows
  expect(seen.some((one) => one.kind === "line" && one.text.startsWith("https://"))).toBe(true);
  expect(seen.every((one) => one.kind !== "foreign" || !one.from.startsWith("ECS, "))).toBe(true);
});

test("A release that lost its lock tells what it had done, and who has it now", async () => {
  await account.commit({ ...newCode, ...newHost });
  const unlocking: Promise<unknown>[] = [];
  const wire: Wire = async (call, effect) => {
    const answer = await effect();
    if (call.operation === "UpdateService" && call.about === "small-code")
      unlocking.push(deployer(account, { run: 3 }).unlock("its runner died"));
    return answer;
  };
  const error = await failure(deployer(account, { run: 2, wire }).deploy());
  await Promise.all(unlocking);
  if (!(error instanceof ReleaseLost)) throw error;
  expect(error).toMatchObject({ name: "UserError", kind: "locked" });
  const { markdown } = error.result.summary;
  expect(markdown).toContain("## Stopped: the lock was lost");
  expect(markdown).toContain("took the lock of this release away while it was carried out: its runner died");
  expect(rowOf(markdown, "roll `code`")).toMatch(/^\| ✓ \|/);
  expect(error.result.outcome).toBeNull();
});

describe("A plan that is another one than was looked at", () => {
  let hash: string;
  beforeEach(async () => {
    await account.commit(newCode);
    hash = (await account.clock.run(deployer(account, { run: 2 }).plan())).hash;
    await account.commit(newHost);
  });
  const now = "image/code, image/host, migrate/application, roll/code, roll/daemon, roll/webserver, 11 more.";

  test("fails a deploy with what it would do now, and the plan itself", async () => {
    const error = await failure(deployer(account, { run: 3 }).deploy({ approved: { hash, onChange: "fail" } }));
    if (!(error instanceof PlanRefused)) throw error;
    expect(error.message).toMatch(/The plan is another one than was looked at\. Now it would: /);
    expect(error.message).toContain("roll/webserver");
    expect(error.result.summary.markdown).toContain("## Plan for small, production");
    expect(await wrongWith(account)).toEqual([]);
  });

  test("fails a dry run alike", async () => {
    const error = await failure(deployer(account, { run: 3 }).plan({ hash, onChange: "fail" }));
    if (!(error instanceof PlanRefused)) throw error;
    expect(error.message).toContain(`Now it would: ${now}`);
    expect(error.result.plan.steps.map(({ id }) => id)).toContain("roll/daemon");
  });

  test("is a warning of a dry run that goes on, and of the same plan none", async () => {
    const warned = async (approved: string): Promise<string> => {
      const who = deployer(account, { run: 3 });
      await account.clock.run(who.plan({ hash: approved, onChange: "continue" }));
      return JSON.stringify(who.progress);
    };
    expect(await warned(hash)).toContain("plan-changed");
    const same = (await account.clock.run(deployer(account, { run: 3 }).plan())).hash;
    expect(await warned(same)).not.toContain("plan-changed");
  });
});

describe("An image that has as many tags as it may", () => {
  /** As ECR answers: everything but the tag of the commit is stored. */
  const full: Wire = async <T>({ to, operation, about }: Parameters<Wire>[0], effect: () => Promise<T>): Promise<T> => {
    if (to !== "registry" || operation !== "PUT" || !/\/manifests\/[0-9a-f]{40}$/.test(about)) return effect();
    const message = "The operation would have exceeded a service limit";
    const body = Readable.from([Buffer.from(JSON.stringify({ errors: [{ code: "DENIED", message }] }))]);
    return { status: 403, header: () => null, body } as T;
  };
  const levelled = (level: string): string =>
    `${stackFile}checks: { image-tags-full: { level: ${level}${level === "error" ? "" : ", until: 2027-12-31, reason: rare"} } }\n`;

  test.each(["warning", "notice"])("is released all the same, and told as `checks` says: %s", async (level) => {
    await account.commit({ ...newCode, "dagster-stack.yml": levelled(level) });
    const who = deployer(account, { run: 2, wire: full });
    const { outcome } = await account.clock.run(who.deploy());
    expect(outcome).toBe("committed");
    expect(who.progress).toContainEqual({
      kind: "finding",
      finding: expect.objectContaining({ id: "image-tags-full", level }) as unknown,
    });
  });

  test("stops the release when `checks` calls it an error", async () => {
    await account.commit({ ...newCode, "dagster-stack.yml": levelled("error") });
    const error = await failure(deployer(account, { run: 2, wire: full }).deploy());
    expect(error).toMatchObject({ message: expect.stringContaining("as many tags as ECR allows") as unknown });
    expect(await wrongWith(account)).toEqual([]);
  });
});
