import { seeded } from "../test/releases/processes/seeded.ts";
import type { Behaviour } from "../test/local-aws/runtimes/scripted.ts";
import type { Play } from "../test/unit/deployments/scenarios/play.ts";
import { median, type Row, row } from "./rows.ts";
import { action, type Program, programs } from "./scenarios/programs.ts";
import { type RunOptions, runScenario, type Seen } from "./scenarios/run.ts";

/**
 * Seconds from the moment at which ECS knows how a deployment ends to the end of whoever waits for it: ours, and the newest bundle of the
 * AWS action, on the same rollouts.
 */
export async function measure(runs: number, isRealTime: boolean): Promise<readonly Row[]> {
  const all = await programs();
  const ours = all.find((one) => one.isOurs);
  const peer = all.find(({ name }) => name.startsWith(action)) ?? null;
  if (ours === undefined) throw new Error("we are not there");
  const pair: Pair = { ours, peer };
  // In real time all of them sleep for minutes: side by side.
  const figures: (readonly Row[])[] = [];
  if (isRealTime) figures.push(...(await Promise.all(cases.map((one) => figuresOf(one, pair, runs, isRealTime)))));
  else for (const one of cases) figures.push(await figuresOf(one, pair, runs, isRealTime));
  return [...figures.flat(), await callsOfThree(ours, isRealTime)];
}

interface Pair {
  readonly ours: Program;
  readonly peer: Program | null;
}

async function figuresOf(one: Case, { ours, peer }: Pair, runs: number, isRealTime: boolean): Promise<readonly Row[]> {
  const mode = isRealTime ? ", in real time" : "";
  const random = seeded(1);
  const samples: { readonly ours: Sample; readonly peer: Sample | null }[] = [];
  for (let run = 0; run < runs; run += 1) {
    // What takes ECS its time is not the same each time: 8 to 20 s in public traces of Fargate tasks.
    const rules = { provisioningSeconds: 8 + 12 * random() };
    const options = { behaviour: one.does(random()), rules, isRealTime };
    samples.push({
      ours: await sample(ours, one, options),
      peer: peer === null ? null : await sample(peer, one, options),
    });
  }
  const both = (what: string, unit: string, of: (all: readonly Sample[]) => number): Row => {
    const theirs = samples.flatMap((each) => (each.peer === null ? [] : [each.peer]));
    const value = theirs.length === 0 || peer === null ? null : { name: peer.name, value: of(theirs) };
    return row(`${one.name}${what}${mode}`, unit, of(samples.map((each) => each.ours)), value);
  };
  const seconds = (of: (values: readonly number[]) => number) => (all: readonly Sample[]) =>
    of(all.map((each) => each.seconds));
  const middle = both(" median, goal 2", "s", seconds(median));
  const rows = [middle, both(" p95, goal 4", "s", seconds(p95))];
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
  readonly seconds: number;
  readonly failed: number;
}

/** @throws when ours is not right, or ECS knew nothing */
async function sample(program: Program, one: Case, options: RunOptions): Promise<Sample> {
  const seen = await runScenario(program, one, options);
  const known = one.knownAt(seen);
  const last = seen.log.at(-1) ?? "";
  const isRight = seen.exitCode === one.exitCode && one.says.test(last);
  if (known === undefined || (program.isOurs && !isRight))
    throw new Error(`${one.name}, ${program.name}: exit code ${seen.exitCode}\n${seen.log.join("\n")}`);
  return { seconds: (seen.endedAt - known) / 1000, failed: seen.failed.length };
}

/** Three services that roll side by side for ten minutes, in one process. */
async function callsOfThree(ours: Program, isRealTime: boolean): Promise<Row> {
  const seen = await runScenario(
    ours,
    { containers: "take ten minutes to start", breaker: "goes back", ...early },
    { beside: ["app-2", "app-3"], isRealTime },
  );
  const succeeded = seen.log.filter((line) => line === "succeeded").length;
  if (succeeded !== 3) throw new Error(`three should succeed:\n${seen.log.join("\n")}`);
  const minutes = (seen.endedAt - seen.begunAt) / 60_000;
  return row("three services for ten minutes, calls a minute, goal 45", "AWS calls", seen.calls.length / minutes, null);
}

function p95(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.NaN;
}
