import type { Outcome } from "../../../../src/domain/journal.ts";
import type { Release } from "../../../../src/domain/release.ts";
import { PlanRefused } from "../../../../src/releases/result.ts";
import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { newCode, newHost } from "../../../releases/played/situations.ts";
import { type OutsideCall, showCall, type Wire } from "../../../releases/played/wire.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";

let account: PlayedAccount;
let first: Release;
let second: Release;

const deploy = async (run: number): Promise<Release> => {
  const { release } = await account.clock.run(deployer(account, { run }).deploy());
  await account.clock.pass(60_000);
  return release;
};

beforeEach(async () => {
  account = await openAccount();
  first = await deploy(1);
  await account.commit({ ...newCode, ...newHost });
  second = await deploy(2);
});
afterEach(() => account.close());

/** As another version of the tools had written it. */
function rewrite({ id }: Release, change: (release: Release) => Release): void {
  const outcome = recordsOf(account).outcome(id);
  if (outcome === null) throw new Error(`${id} has not ended`);
  const record: Outcome = { ...outcome, release: change(outcome.release) };
  const { bucket, recordsPrefix } = account;
  const Key = `${recordsPrefix.slice(bucket.length + 1)}releases/${id}/outcome.json`;
  account.s3.answer("PutObject", { Bucket: bucket, Key, Body: JSON.stringify(record) });
}

const withHeads = (release: Release, heads: readonly string[] | null): void =>
  rewrite(release, ({ migrations, ...others }) => ({
    ...others,
    migrations: Object.fromEntries(
      Object.entries(migrations).map(([name, part]) => [name, { ...part, heads: heads === null ? null : [...heads] }]),
    ),
  }));

const withDagster = (release: Release, dagster: string | null): void => {
  if (dagster !== null) account.hasDagster(release.source.sha, dagster);
  rewrite(release, ({ images, ...others }) => ({
    ...others,
    images: Object.fromEntries(Object.entries(images).map(([key, part]) => [key, { ...part, dagster }])),
  }));
};

/** A rollback to the first release, and all that it has written. */
async function back(
  options: { readonly dryRun?: boolean } = {},
  deploying: DeployerOptions = {},
): Promise<{
  readonly error: unknown;
  readonly said: string;
  readonly ids: readonly string[];
  readonly writes: readonly string[];
}> {
  const writes: string[] = [];
  const wire: Wire = (call, effect) => {
    if (call.writes && !call.about.endsWith("/lock.json")) writes.push(showCall(call));
    return effect();
  };
  const who = deployer(account, { run: 9, wire, ...deploying });
  const [error, result] = await account.clock.run(
    who.rollback(first.id, options).then(
      (done) => [null, done] as const,
      (thrown: unknown) => [thrown, thrown instanceof PlanRefused ? thrown.result : null] as const,
    ),
  );
  await account.clock.pass(60_000);
  const ids = (result?.plan.findings ?? []).map(({ id, level }) => `${level} ${id}`);
  return { error, said: error instanceof Error ? error.message : "", ids, writes };
}

/** A later commit, with these levels in its stack file. */
const allow = (check: string): Promise<unknown> =>
  account.commit({
    "dagster-stack.yml": `${stackFile}checks: { ${check}: { level: warning, until: 2027-12-31, reason: the newer migrations only add } }\n`,
  });

describe("The heads of a schema", () => {
  test.each([true, false])(
    "that the older code does not know refuse it, with the choices (dry run: %p)",
    async (dryRun) => {
      withHeads(first, ["aaa1"]);
      withHeads(second, ["bbb2", "ccc3"]);
      const { error, said, ids, writes } = await back({ dryRun });
      expect(error).toBeInstanceOf(PlanRefused);
      expect(said).toMatch(/migration application is at bbb2 and ccc3, and that release knows aaa1/);
      expect(said).toMatch(/^fix: Mend forward.*rollback-schema: \{ level: warning/m);
      expect(ids).toContain("error rollback-schema");
      expect(writes).toEqual([]);
      expect(await wrongWith(account)).toEqual([]);
    },
  );

  test("refuse it no more when the stack file says that the newer migrations only add", async () => {
    withHeads(first, ["aaa1"]);
    withHeads(second, ["bbb2"]);
    await allow("rollback-schema");
    expect(await back()).toMatchObject({
      error: null,
      ids: expect.arrayContaining(["warning rollback-schema"]) as unknown,
    });
    expect(await wrongWith(account)).toEqual([]);
  });

  test("that are the same allow it, although the image is another one", async () => {
    withHeads(first, ["aaa1"]);
    withHeads(second, ["aaa1"]);
    const { error, ids } = await back();
    expect(error).toBeNull();
    expect(ids.filter((id) => id.endsWith("rollback-schema"))).toEqual([]);
  });

  test.each<[string, readonly string[] | null, readonly string[] | null]>([
    ["of neither", null, null],
    ["of the older release", null, ["bbb2"]],
    ["of the database", ["aaa1"], null],
  ])("that are not known, %s, are a warning", async (_, then, now) => {
    withHeads(first, then);
    withHeads(second, now);
    const { error, ids } = await back();
    expect(error).toBeNull();
    expect(ids).toContain("warning rollback-schema");
    expect(await wrongWith(account)).toEqual([]);
  });

  test("are those that a release which was taken back has left", async () => {
    const third = await account.commit({ "app/main.py": "VERSION = 3\n" });
    account.breakCode(third);
    await expect(account.clock.run(deployer(account, { run: 3 }).deploy())).rejects.toThrow("does not load");
    await account.clock.pass(60_000);
    const failed = recordsOf(account).outcome(recordsOf(account).begun.at(-1) ?? first.id);
    if (failed === null) throw new Error("it has not ended");
    expect(failed.outcome).toBe("taken-back");
    withHeads(first, ["aaa1"]);
    withHeads(second, ["aaa1"]);
    withHeads(failed.release, ["ccc3"]);
    const { said, writes } = await back();
    expect(said).toMatch(/is at ccc3, and that release knows aaa1/);
    expect(writes).toEqual([]);
  });

  test("stay what they are with each rollback: back and forth again is allowed", async () => {
    withHeads(first, ["aaa1"]);
    withHeads(second, ["bbb2"]);
    await allow("rollback-schema");
    expect((await back()).error).toBeNull();
    const { release, plan } = await account.clock.run(deployer(account, { run: 10 }).rollback("previous"));
    expect(release.migrations["application"]).toMatchObject({ heads: ["bbb2"] });
    expect(plan.findings.map(({ id }) => id)).not.toContain("rollback-schema");
  });
});

describe("Dagster", () => {
  test.each<[string, string | null, string | null, string | null]>([
    ["an older minor", "1.12.8", "1.13.1", "error rollback-dagster"],
    ["an older major", "1.13.1", "2.0.0", "error rollback-dagster"],
    ["an older patch", "1.13.1", "1.13.27", null],
    ["a minor of two digits that is newer", "1.13.1", "1.9.13", null],
    ["one that is not known", null, "1.13.1", null],
  ])("of %s", async (_, then, now, finding) => {
    withDagster(first, then);
    withDagster(second, now);
    const { error, said, ids, writes } = await back();
    if (finding === null) {
      expect(error).toBeNull();
      expect(ids.filter((id) => id.endsWith("rollback-dagster"))).toEqual([]);
      return;
    }
    expect(ids).toContain(finding);
    expect(said).toContain(
      `Image host of that release has Dagster ${then}, and ${now} runs now: \`dagster instance migrate\``,
    );
    expect(said).toMatch(/^fix: Mend forward/m);
    expect(writes).toEqual([]);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("of an older minor is gone back to when the stack file allows it", async () => {
    withDagster(first, "1.12.8");
    withDagster(second, "1.13.1");
    await allow("rollback-dagster");
    expect(await back()).toMatchObject({
      error: null,
      ids: expect.arrayContaining(["warning rollback-dagster"]) as unknown,
    });
    expect(await wrongWith(account)).toEqual([]);
  });
});

/** Another run that is gone in the middle of its first roll. */
function cutWhile(run: number, isMoment: (call: OutsideCall) => boolean): Promise<void> {
  return killedBefore(account, isMoment, (wire) => deployer(account, { run, wire }).deploy());
}

test("During somebody else's deploy a rollback is told who deploys; a dry run shows its plan all the same", async () => {
  await account.commit({ "app/main.py": "VERSION = 3\n" });
  await cutWhile(3, ({ operation }) => operation === "UpdateService");
  const refused = await back();
  expect(refused.error).toMatchObject({ kind: "locked" });
  expect(refused.said).toContain("owner/small/run/3/job/deploy");
  expect(refused.writes).toEqual([]);
  expect(await back({ dryRun: true })).toMatchObject({ error: null, writes: [] });
});

test("`previous` of a first release that was interrupted names it, and what to do", async () => {
  await account.close();
  account = await openAccount();
  await cutWhile(1, ({ operation, about }) => operation === "UpdateService" && about === "small-daemon");
  await account.clock.pass(20 * 60_000);
  const [cut = ""] = recordsOf(account).begun;
  const error: unknown = await account.clock.run(
    deployer(account, { run: 2 })
      .rollback("previous")
      .catch((thrown: unknown) => thrown),
  );
  expect(error).toMatchObject({
    what: "There is no release before the current one.",
    fix: expect.stringContaining(`${cut} was begun, and has not come to its end. Deploy again`) as unknown,
  });
});
