import { machinePython } from "../../local-aws/backing/machine-python.ts";
import { recordsOf } from "../../releases/played/records.ts";
import { type CutResult, newRun } from "../../releases/processes/cuts.ts";
import { kept, type Kept, launchCanary, serverInfo, turnScheduleOn } from "../../releases/dagster/ask.ts";
import { type DagsterBed, type DagsterStack, openDagsterBed } from "../../releases/dagster/bed.ts";
import { type Life, running, watchLives } from "../../releases/dagster/tasks.ts";
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

const cuts: readonly (UpgradeCut & { readonly at: { readonly name: string } })[] = [
  { at: moments.daemonStopped, blow: "killed after", next: "the next attempt of the run" },
  { at: moments.midway, blow: "killed before", next: "another run, which GitHub tells that the first is over" },
  { at: moments.midway, blow: "cancelled", next: "the next attempt of the run" },
  { at: moments.hostsUp, blow: "killed before", next: "another run, which GitHub tells that the first is over" },
];

/** Releases mostly wait: three stacks at once are done in half of the time. */
const lanes = 3;

let bed: DagsterBed;
let upgraded: Promise<Upgraded>;
let broken: Promise<Broken>;
let results: readonly Promise<CutResult>[];
beforeAll(async () => {
  if (!isOldEnough) return;
  bed = await openDagsterBed();
  const inTurn = turns(lanes);
  upgraded = inTurn(upgradeWell);
  broken = inTurn(upgradeBadly);
  results = cuts.map((cut, number) => inTurn(() => cutOne(cut, `cut-${number}`)));
  await Promise.allSettled([upgraded, broken, ...results]);
}, 1_200_000);
afterAll(() => (isOldEnough ? bed.close() : undefined));

const act = (stack: DagsterStack, [step = { action: "." }]: readonly Step[]): Promise<StepResult> =>
  runStep(stack.job(newRun()), step);
const newest = async (stack: DagsterStack) => {
  const { begun, outcome, current } = recordsOf(await stack.rest());
  const [first, last] = [begun[0], begun.at(-1)];
  return { current, first: first && outcome(first), last: last && outcome(last), begun: begun.length };
};

upgrading("an upgrade from Dagster 1.9 on PostgreSQL", () => {
  let stack: DagsterStack;
  let before: Upgraded["before"];
  let made: StepResult;
  let lives: readonly Life[];
  beforeAll(async () => {
    ({ stack, before, made, lives } = await upgraded);
  });

  test("is released whole", async () => {
    expect({ exitCode: made.exitCode, log: made.exitCode === 0 ? [] : made.log }).toEqual({ exitCode: 0, log: [] });
    expect(await serverInfo(stack)).toMatchObject({ dagster_version: expect.stringMatching(/^1\.13\./) as string });
  });

  test("stops daemon and webserver, migrates, starts both anew, and moves code then", () => {
    const life = (revision: string): Life =>
      lives.find((one) => one.revision === revision) ?? missing(`task of ${revision}`);
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
  let before: Broken["before"];
  let failed: StepResult;
  beforeAll(async () => {
    ({ stack, before, failed } = await broken);
  });

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
    expect(await running(stack)).toEqual(before.running);
  });

  test("leaves the storage migrated, and its record says so", async () => {
    expect(await schemaOf(stack)).toEqual(migrated);
    expect((await newest(stack)).last?.release.migrations["instance"]?.heads).toEqual([newerHead]);
  });

  test("has Dagster 1.9 on the newer storage, which serves, schedules and runs", async () => {
    expect(await serverInfo(stack)).toEqual(expect.objectContaining({ dagster_version: "1.9.0" }));
    expect(await kept(stack)).toEqual(before.kept);
    expect(await launchCanary(stack)).toBe("SUCCESS");
  });
});

upgrading("an upgrade that is run again", () => {
  test.each(cuts.map((cut, number) => [cut.blow, cut.at.name, number] as const))(
    "when it was %s %s leaves one release, each revision applied once, one daemon, and nothing over",
    async (_blow, _name, number) => {
      const { line, wrong } = (await results[number]) ?? missing(`cut ${number}`);
      process.stdout.write(`${line}\n`);
      expect({ line, wrong }).toEqual({ line, wrong: [] });
    },
  );
});

interface Upgraded {
  readonly stack: DagsterStack;
  readonly before: { readonly kept: Kept; readonly schema: Schema };
  readonly made: StepResult;
  readonly lives: readonly Life[];
}

async function upgradeWell(): Promise<Upgraded> {
  const stack = await bed.open("small");
  await releaseOlder(stack);
  await turnScheduleOn(stack);
  const before = { kept: await kept(stack), schema: await schemaOf(stack) };
  await stack.upgrade();
  const watch = watchLives(stack);
  const made = await act(stack, whole);
  return { stack, before, made, lives: await watch.stop() };
}

interface Broken {
  readonly stack: DagsterStack;
  readonly before: { readonly kept: Kept; readonly running: readonly string[] };
  readonly failed: StepResult;
}

async function upgradeBadly(): Promise<Broken> {
  const stack = await bed.open("broken");
  await releaseOlder(stack);
  await turnScheduleOn(stack);
  const before = { kept: await kept(stack), running: await running(stack) };
  await stack.upgrade({ "app/main.py": "import a_module_that_nobody_has\n" });
  return { stack, before, failed: await act(stack, whole) };
}

async function cutOne(cut: UpgradeCut, name: string): Promise<CutResult> {
  const stack = await bed.open(name);
  try {
    await releaseOlder(stack);
    return await cutUpgrade(stack, await stack.upgrade(), cut);
  } finally {
    await stack.close();
  }
}

/** @returns lets so many go on at once */
function turns(most: number): <T>(act: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = most;
  return async (act) => {
    if (free === 0) await new Promise<void>((go) => waiting.push(go));
    else free -= 1;
    try {
      return await act();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

function missing(what: string): never {
  throw new Error(`there is no ${what}`);
}
