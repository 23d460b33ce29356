import { machinePython } from "../../local-aws/backing/machine-python.ts";
import { recordsOf } from "../../releases/played/records.ts";
import { newRun } from "../../releases/processes/cuts.ts";
import { kept, type Kept, launchCanary, serverInfo, turnScheduleOn } from "../../releases/dagster/ask.ts";
import { type DagsterBed, type DagsterStack, openDagsterBed } from "../../releases/dagster/bed.ts";
import { type Life, livesOf, running } from "../../releases/dagster/tasks.ts";
import {
  cutUpgrade,
  migrated,
  moments,
  newerHead,
  olderHead,
  releaseOlder,
  type Schema,
  schemaOf,
  type UpgradeCut,
  whole,
} from "../../releases/dagster/upgrade.ts";
import { runStep, type Step, type StepResult } from "../../runner/run-step.ts";

// Dagster 1.9 and the pinned one, on PostgreSQL, in releases of the root action: what the database and Dagster say counts.

const { minor } = await machinePython();
/** Dagster 1.9 has no wheels for newer ones. */
const isOldEnough = Number(minor.split(".")[1]) < 13;
const upgrading = isOldEnough ? describe : describe.skip;

let bed: DagsterBed;
beforeAll(async () => {
  if (isOldEnough) bed = await openDagsterBed();
}, 600_000);
afterAll(() => (isOldEnough ? bed.close() : undefined), 60_000);

const act = (stack: DagsterStack, [step = { action: "." }]: readonly Step[]): Promise<StepResult> =>
  runStep(stack.job(newRun()), step);
const newest = async (stack: DagsterStack) => {
  const { begun, outcome, current } = recordsOf(await stack.rest());
  const [first, last] = [begun[0], begun.at(-1)];
  return { current, first: first && outcome(first), last: last && outcome(last), begun: begun.length };
};

upgrading("an upgrade from Dagster 1.9 on PostgreSQL", () => {
  let stack: DagsterStack;
  let before: { readonly kept: Kept; readonly schema: Schema };
  let made: StepResult;
  let lives: readonly Life[];
  beforeAll(async () => {
    stack = await bed.open("small");
    await releaseOlder(stack);
    await turnScheduleOn(stack);
    before = { kept: await kept(stack), schema: await schemaOf(stack) };
    await stack.upgrade();
    made = await act(stack, whole);
    lives = await livesOf(stack);
  }, 600_000);
  afterAll(() => stack.close());

  test("is released whole", async () => {
    expect({ exitCode: made.exitCode, log: made.exitCode === 0 ? [] : made.log }).toEqual({ exitCode: 0, log: [] });
    expect(await serverInfo(stack)).toMatchObject({ dagster_version: expect.stringMatching(/^1\.13\./) as string });
  });

  test("stops daemon and webserver, migrates, starts both anew, and moves code then", () => {
    const life = (revision: string): Life => lives.find((one) => one.revision === revision) ?? missing(revision);
    const migration = life("small-once-code:2");
    for (const host of ["daemon", "webserver"]) {
      expect(life(`small-${host}:2`).stopped).toBeLessThanOrEqual(migration.created);
      expect(life(`small-${host}:3`).created).toBeGreaterThanOrEqual(migration.stopped);
      expect(life("small-code:3").created).toBeGreaterThan(life(`small-${host}:3`).created);
    }
    expect(life("small-code:2").stopped).toBeGreaterThan(life("small-code:3").created);
  });

  test("applies each revision that the storage lacks, once", async () => {
    expect(before.schema).toEqual({ heads: [olderHead], applied: [], hasIndex: false, hasColumn: false });
    expect(await schemaOf(stack)).toEqual(migrated);
  });

  test("records where the storage was and is, as the database says", async () => {
    const { first, last } = await newest(stack);
    expect(first?.release.migrations["instance"]).toMatchObject({ heads: before.schema.heads, state: "done" });
    expect(last?.release.migrations["instance"]).toMatchObject({ heads: [newerHead], state: "done" });
    expect(last?.release.base).toBe(first?.release.id);
    expect(made.log.join("\n")).toContain(`migrate/instance: from ${olderHead} to ${newerHead}`);
  });

  test("keeps the history of runs, and what somebody did to a schedule", async () => {
    expect(before.kept).toEqual({ runs: { [Object.keys(before.kept.runs)[0] ?? ""]: "SUCCESS" }, schedule: "RUNNING" });
    expect(await kept(stack)).toMatchObject(before.kept);
  });

  test("is not gone back from: neither Dagster nor its schema allow it", async () => {
    const then = await running(stack);
    const { first, current } = await newest(stack);
    const back = await act(stack, [{ action: ".", with: { command: "rollback", to: first?.release.id ?? "" } }]);
    expect(back.exitCode).toBe(1);
    expect([...back.log, back.summary].join("\n")).toContain("rollback-dagster");
    expect([...back.log, back.summary].join("\n")).toContain("rollback-schema");
    expect(await running(stack)).toEqual(then);
    expect((await newest(stack)).current).toEqual(current);
  });
});

upgrading("an upgrade whose code cannot be loaded", () => {
  let stack: DagsterStack;
  let before: Kept;
  let then: readonly string[];
  let failed: StepResult;
  beforeAll(async () => {
    stack = await bed.open("broken");
    await releaseOlder(stack);
    await turnScheduleOn(stack);
    before = await kept(stack);
    then = await running(stack);
    await stack.upgrade({ "app/main.py": "import a_module_that_nobody_has\n" });
    failed = await act(stack, whole);
  }, 600_000);
  afterAll(() => stack.close());

  test("is taken back, and says why", async () => {
    expect(failed.exitCode).toBe(1);
    expect(failed.log.join("\n")).toContain("No module named 'a_module_that_nobody_has'");
    const { current, first, last } = await newest(stack);
    expect(last).toMatchObject({ outcome: "taken-back" });
    expect(current?.release).toBe(first?.release.id);
    expect(last?.services.map(({ service, takenBack }) => [service, takenBack])).toEqual([
      ["daemon", true],
      ["webserver", true],
      ["code", true],
    ]);
    expect(await running(stack)).toEqual(then);
  });

  test("leaves the storage migrated, and its record says so", async () => {
    expect(await schemaOf(stack)).toEqual(migrated);
    expect((await newest(stack)).last?.release.migrations["instance"]?.heads).toEqual([newerHead]);
  });

  test("has Dagster 1.9 on the newer storage, which serves, schedules and runs", async () => {
    expect(await serverInfo(stack)).toEqual(expect.objectContaining({ dagster_version: "1.9.0" }));
    expect(await kept(stack)).toEqual(before);
    expect(await launchCanary(stack)).toBe("SUCCESS");
  });
});

const cuts: readonly (UpgradeCut & { readonly at: { readonly name: string } })[] = [
  { at: moments.daemonStopped, blow: "killed after", next: "the next attempt of the run" },
  { at: moments.midway, blow: "killed before", next: "another run, which GitHub tells that the first is over" },
  { at: moments.midway, blow: "cancelled", next: "the next attempt of the run" },
  { at: moments.hostsUp, blow: "killed before", next: "another run, which GitHub tells that the first is over" },
];

upgrading("an upgrade that is run again", () => {
  test.each(cuts.map((cut, number) => [cut.blow, cut.at.name, cut, number] as const))(
    "when it was %s %s leaves one release, each revision applied once, one daemon, and nothing over",
    async (_blow, _name, cut, number) => {
      const stack = await bed.open(`cut-${number}`);
      try {
        await releaseOlder(stack);
        const { line, wrong } = await cutUpgrade(stack, await stack.upgrade(), cut);
        expect({ line, wrong }).toEqual({ line, wrong: [] });
      } finally {
        await stack.close();
      }
    },
    600_000,
  );
});

function missing(revision: string): never {
  throw new Error(`no task of ${revision} ran`);
}
