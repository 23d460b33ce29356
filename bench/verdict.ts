import { seeded } from "../test/releases/processes/seeded.ts";
import type { Behaviour } from "../test/local-aws/runtimes/scripted.ts";
import type { Play } from "../test/unit/deployments/scenarios/play.ts";
import { median, type Row, row } from "./rows.ts";
import { type Backing, openBacking } from "./scenarios/backing.ts";
import { action, type Program, programs } from "./scenarios/programs.ts";
import { type RunOptions, runScenario, type Seen, verdictMark } from "./scenarios/run.ts";

/**
 * Seconds from the moment at which ECS knows how a deployment ends to the end of whoever waits for it: ours, and the newest bundle of the
 * AWS action, on the same rollouts.
 */
export async function measure(runs: number, isRealTime: boolean): Promise<readonly Row[]> {
  const all = await programs();
  const ours = all.find((one) => one.isOurs);
  const peer = all.find(({ name }) => name.startsWith(action)) ?? null;
  if (ours === undefined) throw new Error("we are not there");
  const backing = await openBacking();
  const pair: Pair = { backing, ours, peer };
  // In real time all of them sleep for minutes: side by side.
  const figures: (readonly Row[])[] = [];
  if (isRealTime) figures.push(...(await Promise.all(cases.map((one) => figuresOf(one, pair, runs, isRealTime)))));
  else for (const one of cases) figures.push(await figuresOf(one, pair, runs, isRealTime));
  const rows = [...figures.flat(), await callsOfThree(pair, isRealTime)];
  await backing.close();
  return rows;
}

interface Pair {
  readonly backing: Backing;
  readonly ours: Program;
  readonly peer: Program | null;
}

async function figuresOf(
  one: Case,
  { backing, ours, peer }: Pair,
  runs: number,
  isRealTime: boolean,
): Promise<readonly Row[]> {
  const mode = isRealTime ? ", in real time" : "";
  const random = seeded(1);
  const samples: { readonly ours: Sample; readonly peer: Sample | null }[] = [];
  for (let run = 0; run < runs; run += 1) {
    // What takes ECS its time is not the same each time: 8 to 20 s in public traces of Fargate tasks.
    const rules = { provisioningSeconds: 8 + 12 * random() };
    const options = { behaviour: one.does(random()), rules, isRealTime };
    samples.push({
      ours: await sample(backing, ours, one, { ...options, isGated: one.isGated === true }),
      peer: peer === null || one.isGated === true ? null : await sample(backing, peer, one, options),
    });
  }
  const both = (what: string, unit: string, of: (all: readonly Sample[]) => number): Row => {
    const theirs = samples.flatMap((each) => (each.peer === null ? [] : [each.peer]));
    const value = theirs.length === 0 || peer === null ? null : { name: peer.name, value: of(theirs) };
    return row(`${one.name}${what}${mode}`, unit, of(samples.map((each) => each.ours)), value);
  };
  const seconds = (of: (values: readonly number[]) => number, until: "said" | "ended") => (all: readonly Sample[]) =>
    of(all.map((each) => each[until]));
  const middle = both(" median, goal 2", "s", seconds(median, "said"));
  const rows = [
    middle,
    both(" p95, goal 4", "s", seconds(p95, "said")),
    both(", until the process has ended median", "s", seconds(median, "ended")),
    both(", until the process has ended p95", "s", seconds(p95, "ended")),
  ];
  if (one.isLong && middle.peer !== null)
    rows.push(row(`${one.name}, sooner by medians, goal 50${mode}`, "times", middle.peer / middle.ours, null));
  const failed = (all: readonly Sample[]): number => Math.max(...all.map((each) => each.failed));
  if (one.failures) rows.push(both(", failed tasks at the end, at most, goal 2", "tasks", failed));
  return rows;
}

interface Case extends Play {
  readonly name: string;
  /** @param chance from 0 to below 1 */
  readonly does: (chance: number) => Behaviour;
  /** When ECS knew. */
  readonly knownAt: (seen: Seen) => number | undefined;
  readonly exitCode: number;
  readonly says: RegExp;
  /** Dagster is asked whether it has the code; no peer asks. */
  readonly isGated?: true;
  /** Of five to ten minutes. */
  readonly isLong?: true;
  /** The number of failed tasks counts, too. */
  readonly failures?: true;
}

const log = [{ text: "Traceback" }, { text: "KeyError: 'DATABASE'" }];
const crash = (chance: number): Behaviour => ({ kind: "exits", code: 3, afterSeconds: 2 + 25 * chance, log });
const over = ({ serviceDeployments: [ours] }: Seen) => (ours?.finishedAt ?? ours?.stoppedAt)?.getTime();
const goesBack = { containers: "are healthy", breaker: "goes back" } as const;
const early = { request: { failEarly: true } };

const cases: readonly Case[] = [
  {
    ...goesBack,
    name: "success",
    does: (chance) => ({ kind: "healthy", startsAfterSeconds: 5 + 60 * chance }),
    knownAt: over,
    exitCode: 0,
    says: /^succeeded/,
  },
  {
    ...goesBack,
    name: "success, with gates",
    does: (chance) => ({ kind: "healthy", startsAfterSeconds: 5 + 60 * chance }),
    knownAt: over,
    exitCode: 0,
    says: /^succeeded/,
    isGated: true,
  },
  {
    ...goesBack,
    name: "success of a rollout of 5 to 10 minutes",
    does: (chance) => ({ kind: "healthy", startsAfterSeconds: 240 + 290 * chance }),
    knownAt: over,
    exitCode: 0,
    says: /^succeeded/,
    isLong: true,
  },
  {
    ...goesBack,
    name: "rolled back by ECS",
    does: crash,
    knownAt: over,
    exitCode: 1,
    says: /^rolled-back: Tasks of app:2 failed 3 times: container app exited with code 3/,
  },
  {
    ...goesBack,
    ...early,
    name: "crash loop, taken back",
    does: crash,
    knownAt: over,
    exitCode: 1,
    says: /^rolled-back: Tasks of app:2 failed \d times: container app exited with code 3/,
    failures: true,
  },
  {
    ...early,
    containers: "are healthy",
    name: "crash loop that ECS never ends, from its second failure",
    does: crash,
    knownAt: ({ failed }) => failed[1]?.stoppingAt?.getTime(),
    exitCode: 1,
    says: /^failed: Tasks of app:2 failed \d times: container app exited with code 3/,
    failures: true,
  },
  {
    ...goesBack,
    ...early,
    name: "missing image, taken back",
    does: (chance) => ({
      kind: "never-starts",
      reason: "CannotPullContainerError: failed to resolve ref registry/app:2: not found",
      afterSeconds: 60 + 60 * chance,
    }),
    knownAt: over,
    exitCode: 1,
    says: /^rolled-back: Tasks of app:2 failed 2 times: the image does not exist in the registry/,
    failures: true,
  },
];

interface Sample {
  /** Seconds until the verdict stood in the log. */
  readonly said: number;
  /** Seconds until the process had ended. */
  readonly ended: number;
  readonly failed: number;
}

/** @throws when ours is not right, or ECS knew nothing */
async function sample(backing: Backing, program: Program, one: Case, options: RunOptions): Promise<Sample> {
  const seen = await runScenario(backing, program, one, options);
  const known = one.knownAt(seen);
  const verdict = seen.lines.find(({ text }) => text.startsWith(verdictMark))?.text.slice(verdictMark.length) ?? "";
  const isRight = seen.exitCode === one.exitCode && one.says.test(verdict);
  if (known === undefined || (program.isOurs && !isRight)) {
    const log = seen.lines.map(({ text }) => text).join("\n");
    throw new Error(`${one.name}, ${program.name}: exit code ${seen.exitCode}\n${log}`);
  }
  return { said: (seen.saidAt - known) / 1000, ended: (seen.endedAt - known) / 1000, failed: seen.failed.length };
}

/** Three services that roll side by side for ten minutes, in one process. */
async function callsOfThree({ backing, ours }: Pair, isRealTime: boolean): Promise<Row> {
  const seen = await runScenario(
    backing,
    ours,
    { containers: "take ten minutes to start", breaker: "goes back", ...early },
    { beside: ["app-2", "app-3"], isRealTime },
  );
  const succeeded = seen.lines.filter(({ text }) => /^roll\/\S+: succeeded/.test(text)).length;
  if (succeeded !== 3) throw new Error(`three should succeed:\n${seen.lines.map(({ text }) => text).join("\n")}`);
  const minutes = (seen.endedAt - seen.begunAt) / 60_000;
  return row("three services for ten minutes, calls a minute, goal 45", "AWS calls", seen.calls.length / minutes, null);
}

function p95(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.NaN;
}
