import type { Release } from "../../../../src/domain/release.ts";
import type { TaskBehaviour } from "../../../local-aws/runtimes/scripted.ts";
import { migratedHeads, openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { revisionsOf } from "../../../releases/played/onlooker.ts";
import { ReleaseFailed } from "../../../../src/releases/result.ts";
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
      const begun = { revision: "0002", doc: "Give each deal a score." };
      const log = [...(code === 1 ? [begun] : []), report].map((line) => ({ text: mark + JSON.stringify(line) }));
      return { kind: "exits", code, afterSeconds: 1, log };
    },
  );
/** As another version of the tools had written it. */
function rewriteOutcome({ id }: Release, change: (release: Release) => object): void {
  const outcome = recordsOf(account).outcome(id);
  if (outcome === null) throw new Error(`${id} has not ended`);
  const { bucket, recordsPrefix } = account;
  const Key = `${recordsPrefix.slice(bucket.length + 1)}releases/${id}/outcome.json`;
  const Body = JSON.stringify({ ...outcome, release: change(outcome.release) });
  account.s3.answer("PutObject", { Bucket: bucket, Key, Body });
}
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

describe("a migration that fails half-way", () => {
  interface Failed {
    readonly first: Release;
    readonly said: string;
    readonly changed: boolean;
  }
  const failing = async (facts: object): Promise<Failed> => {
    const { release: first } = await release(1);
    await account.clock.pass(60_000);
    await account.commit({ "app/main.py": "VERSION = 2\n" });
    await release(2);
    await account.clock.pass(60_000);
    await account.commit({ "app/main.py": "VERSION = 3\n" });
    migrations(1, { end: "failed", before: migratedHeads, ...facts });
    const error = await release(3).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    await account.clock.pass(60_000);
    if (!(error instanceof ReleaseFailed)) throw error;
    return { first, said: String(error), changed: error.result.changed };
  };
  const back = (to: Release): Promise<string> =>
    account.clock.run(deployer(account, { run: 4 }).rollback(to.id)).then(() => "went back", String);
  const recorded = (): unknown => {
    const { begun, outcome } = recordsOf(account);
    const last = begun.at(-1);
    return last === undefined ? null : outcome(last)?.release.migrations;
  };

  test("is recorded with the heads that stay, and a rollback knows", async () => {
    const { first, said, changed } = await failing({ after: ["0002"] });
    expect(changed).toBe(true);
    expect(said).toContain("The schema is at 0002 now.");
    expect(said).toContain("Not taken back, as migrations never are: application.");
    expect(recorded()).toMatchObject({ application: { state: "partial", heads: ["0002"] } });
    expect(await back(first)).toMatch(/database of migration application is at 0002, and that release knows 0001/);
  });

  test("of which nobody knows where it stands is recorded so", async () => {
    const { said } = await failing({ after: null });
    expect(said).toContain("Not taken back, as migrations never are: application.");
    expect(recorded()).toMatchObject({ application: { state: "partial", heads: null } });
  });

  test("and that the database took back leaves nothing to know", async () => {
    const { first, said } = await failing({ after: migratedHeads });
    expect(said).not.toContain("as migrations never are");
    expect(recorded()).toEqual({});
    expect(await back(first)).toBe("went back");
  });
});

describe("with an image that did not change", () => {
  const written = "{ name: application, image: code, tool: alembic }";
  const as = (text: string) => ({
    "dagster-stack.yml": stackFile.replace(written, `{ name: application, image: code, ${text} }`),
  });
  const command = (word: string) => as(`tool: command, command: [python, -m, app.migrate, ${word}]`);
  const after = async (earlier: Readonly<Record<string, string>>, later: Readonly<Record<string, string>>) => {
    await account.commit(earlier);
    const first = await release(1);
    await account.clock.pass(60_000);
    await account.commit(later);
    const second = await release(2);
    await account.clock.pass(60_000);
    return {
      first,
      second,
      runs: second.steps.filter(({ step }) => step.kind === "run-task").map(({ step }) => step.reason),
    };
  };

  test.each([
    ["command", command("one"), command("two")],
    ["tool", as("tool: alembic"), command("one")],
    ["workdir", as("tool: alembic, workdir: /app"), as("tool: alembic, workdir: /app/other")],
  ])("another %s is run, once", async (_, earlier, later) => {
    const { second, runs } = await after(earlier, later);
    expect(runs).toEqual([expect.stringMatching(/^its `tool`, `command` or `workdir` is another one/)]);
    expect(second.outcome).toBe("committed");
    expect((await release(3)).steps).toEqual([]);
  });

  test.each([
    ["the same command", command("one"), command("one")],
    ["more time for locks", as("tool: alembic"), as("tool: alembic, lock-timeout: 5")],
  ])("%s is not run again", async (_, earlier, later) => {
    expect((await after(earlier, { ...later, "dagster.yaml": "telemetry: { enabled: true }\n" })).runs).toEqual([]);
  });

  test("a record of before settings were noted is no reason to run it again", async () => {
    const { release: made } = await release(1);
    await account.clock.pass(60_000);
    const { application } = made.migrations;
    expect(application?.settings).toMatch(/^[0-9a-f]{64}$/);
    rewriteOutcome(made, (one) => {
      const { settings: _, ...others } = one.migrations["application"] ?? {};
      return { ...one, migrations: { application: others } };
    });
    await account.commit({ "dagster.yaml": "telemetry: { enabled: true }\n" });
    const again = await release(2);
    expect(again.steps.map(({ step }) => step.kind)).not.toContain("run-task");
    expect(again.release.migrations).toEqual({ application: { ...application, state: "none" } });
  });
});

describe("models that are compared with the schema", () => {
  const asked = stackFile.replace("tool: alembic }", "tool: alembic, check-models: true }");
  const differ = { models: { count: 1, differ: ["add_column deals score"] } };
  const open = async (stack: string, ...lines: readonly object[]): Promise<void> => {
    await account.close();
    account = await openAccount({ stack });
    const facts = { lock: "held", database: "postgresql", heads: ["b"], before: [], after: ["b"], unknown: [] };
    account.runtime.script(
      ({ definition: { family = "" } }) => family.startsWith("small-once-"),
      ({ overrides }): TaskBehaviour => {
        const mark = overrides.containerOverrides?.[0]?.command?.[3] ?? "";
        const log = [...lines, { end: "done", ...facts }].map((line) => ({ text: `${mark} ${JSON.stringify(line)}` }));
        return { kind: "exits", code: 0, afterSeconds: 1, log };
      },
    );
  };
  const findingsOf = ({ progress }: Pick<ReturnType<typeof deployer>, "progress">): readonly string[] =>
    progress.flatMap((one) =>
      one.kind === "finding" && one.finding.id.startsWith("models-") ? [`${one.finding.level} ${one.finding.id}`] : [],
    );

  test.each<[string, readonly object[], readonly string[], RegExp]>([
    ["are equal: nothing is found", [{ models: { count: 0, differ: [] } }], [], /; the models are as the schema/],
    [
      "differ: a warning, and the release goes on",
      [differ],
      ["warning models-differ"],
      /; the models differ from it in 1 point/,
    ],
    ["were not compared: a warning", [], ["warning models-not-compared"], /; the models were not compared with it/],
  ])("%s", async (_, lines, found, said) => {
    await open(asked, ...lines);
    const who = deployer(account);
    const { outcome, summary } = await account.clock.run(who.deploy());
    expect(outcome).toBe("committed");
    expect(findingsOf(who)).toEqual(found);
    expect(summary.markdown).toMatch(said);
  });

  test("differ, and that is an error: no service moves, what was applied stays, and the next attempt looks again", async () => {
    await open(`${asked}checks: { models-differ: { level: error } }\n`, differ);
    const before = await revisionsOf(account);
    const words =
      /are not what its revisions make of the schema, which is at head, and stays.* add_column deals score\.[^]*No service was touched\.\nNot taken back, as migrations never are: application\./;
    await expect(release(1)).rejects.toThrow(words);
    expect(await revisionsOf(account)).toEqual(before);
    const { begun, outcome } = recordsOf(account);
    const [id] = begun;
    expect(id === undefined ? null : outcome(id)?.release.migrations).toMatchObject({
      application: { state: "done", heads: ["b"] },
    });
    await account.clock.pass(60_000);
    await expect(release(2)).rejects.toThrow(words);
  });
});

test("a deploy renders no SQL, whatever the stack file says of plans", async () => {
  await account.close();
  account = await openAccount({ stack: stackFile.replace("tool: alembic }", "tool: alembic, preview: sql }") });
  const planned = await account.clock.run(deployer(account).plan());
  expect(planned.summary.markdown).toContain("No SQL of migration `application`: ");
  const done = await release(1);
  expect(done.summary.markdown).not.toContain("SQL");
  expect(done.hash).toBe(planned.hash);
});
