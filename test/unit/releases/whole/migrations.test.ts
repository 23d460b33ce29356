import type { TaskBehaviour } from "../../../local-aws/runtimes/scripted.ts";
import { migratedHeads, openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { revisionsOf } from "../../../releases/played/onlooker.ts";
import { recordsOf } from "../../../releases/played/records.ts";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(() => account.close());

/** The task of the migration ends so, and its program says this. */
const migrations = (code: number, facts: object): void =>
  account.runtime.script(
    ({ definition: { family = "" } }) => family.startsWith("small-once-"),
    ({ overrides }): TaskBehaviour => {
      const mark = overrides.containerOverrides?.[0]?.command?.[3] ?? "";
      const report = {
        lock: "held",
        database: "postgresql",
        heads: ["b"],
        before: [],
        after: [],
        unknown: [],
        ...facts,
      };
      return { kind: "exits", code, afterSeconds: 1, log: [{ text: mark + JSON.stringify(report) }] };
    },
  );
const release = (run: number) => account.clock.run(deployer(account, { run }).deploy());

test("a release records the heads that its migration came to", async () => {
  const { release: made } = await release(1);
  expect(made.migrations).toMatchObject({ application: { state: "done", heads: migratedHeads } });
  expect(recordsOf(account).outcome(made.id)?.release.migrations).toEqual(made.migrations);
});

test("a migration that has nothing to do is recorded as such, with the heads", async () => {
  migrations(0, { end: "none", before: ["b"], after: ["b"] });
  expect((await release(1)).release.migrations).toMatchObject({ application: { state: "none", heads: ["b"] } });
});

test("heads stay in the record of a release whose images did not change", async () => {
  await release(1);
  await account.clock.pass(60_000);
  await account.commit({ "dagster.yaml": "telemetry: { enabled: true }\n" });
  expect((await release(2)).release.migrations).toMatchObject({ application: { state: "none", heads: migratedHeads } });
});

test("a database that is ahead of the image stops the release before any service moves", async () => {
  await release(1);
  await account.clock.pass(60_000);
  const before = await revisionsOf(account);
  await account.commit({ "app/main.py": "VERSION = 2\n" });
  migrations(81, { end: "ahead", before: ["c"], after: ["c"], unknown: ["c"] });
  await expect(release(2)).rejects.toThrow(/is at c, which this image does not know: it is ahead.*\n.*\n.*No service/);
  expect(await revisionsOf(account)).toEqual(before);
});
