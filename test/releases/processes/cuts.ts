import { setTimeout as sleep } from "node:timers/promises";
import { type JobResult, type JobWatch, runJob } from "../../runner/run-job.ts";
import type { Running, Step } from "../../runner/run-step.ts";
import { wrongWith } from "../played/ending.ts";
import { recordsOf } from "../played/records.ts";
import type { ProcessAccount } from "./account.ts";
import type { Prepared, Scenario } from "./scenarios.ts";
import { type Blow, blows, type Strike } from "./striking-wire.ts";

/** Who runs it again after it was struck. */
export type Next =
  | "the next attempt of the run"
  | "another run, which GitHub tells that the first is over"
  | "another run, after the lease";

export const nexts: readonly Next[] = [
  "the next attempt of the run",
  "another run, which GitHub tells that the first is over",
  "another run, after the lease",
];

/** A job of real processes is struck at one of its calls, and then run again. */
export interface Cut {
  readonly scenario: Scenario;
  readonly blow: Blow;
  /** Number of the call, counted from 0. A shorter run is struck at half of it. */
  readonly at: number;
  readonly next: Next;
}

export interface CutResult {
  /** What was struck, for people. */
  readonly line: string;
  readonly wrong: readonly string[];
}

/** Every cut there is, as far as a scenario makes about as many calls as it says. */
export function everyCut(all: readonly Scenario[]): readonly Cut[] {
  return all.flatMap((scenario) =>
    blows.flatMap((blow, row) =>
      Array.from({ length: scenario.calls }, (_, at) => ({
        scenario,
        blow,
        at,
        next: nexts[(at + row) % nexts.length] ?? "the next attempt of the run",
      })),
    ),
  );
}

const beyondLease = 20 * 60_000;
const runnerKillsAfter = 10_000;
let runs = 0;

/** Two releases, so that there is one to go back to. */
export async function releaseTwice(account: ProcessAccount, scenario: Scenario): Promise<void> {
  if (scenario.onNothing) return;
  for (const version of ["one", "two"]) {
    await account.checkout.write("app/main.py", `VERSION = "${version}"\n`);
    account.checkout.commit(version);
    account.wire.attend(null);
    runs += 1;
    const { steps } = await runJob(account.job(runs), [{ action: "." }]);
    if (!isGood({ steps })) throw new Error(`nothing can be struck: ${steps.at(-1)?.log.join("\n") ?? ""}`);
  }
}

export async function cutAndRunAgain(account: ProcessAccount, cut: Cut): Promise<CutResult> {
  const { scenario, next } = cut;
  account.breaks = () => false;
  const prepared = await scenario.prepare(account);
  runs += 1;
  const first = runs;
  const struck = await strike(account, cut, prepared.steps, first);
  if (struck.call === null && cut.at > 0) return cutAndRunAgain(account, { ...cut, at: Math.floor(cut.at / 2) });
  await sleep(1100); // a release is named by the second it was begun in
  account.wire.attend(null);
  const again = await runAgain(account, prepared.steps, { first, next });
  const wrong = [
    ...(isGood(again) === (scenario.ends === "well") ? [] : [`run again, it ended so: ${lastWords(again)}`]),
    ...[...struck.jobs, again].flatMap(bugs),
    ...(await wrongInTheEnd(account, prepared)).filter((what) => !isBearable(what, cut)),
  ];
  const line = `${scenario.name}, ${cut.blow}, call ${cut.at}: ${struck.call ?? "none"}; ${next}`;
  return { line, wrong };
}

/**
 * What was on its way to ECS when the process was paused arrives when it goes on, after another process has done the same: registering
 * has no condition that it could be written under. A revision that nothing runs is what is left of it.
 */
function isBearable(wrong: string, { blow }: Cut): boolean {
  return blow === "paused" && / is \S+:task-definition\/\S+ again$/.test(wrong);
}

/** Who can be struck, and run again. */
export type Target = Pick<ProcessAccount, "wire" | "clock" | "job">;

export interface Struck {
  /** Name of the call; null: it made none such. */
  readonly call: string | null;
  /** What ran meanwhile. */
  readonly jobs: readonly JobResult[];
}

/** Runs a job, and strikes it. */
export async function strike(
  account: Target,
  { at, blow }: { readonly at: Strike["at"]; readonly blow: Blow },
  steps: readonly Step[],
  run: number,
): Promise<Struck> {
  const { wire, clock } = account;
  const cancelled = new AbortController();
  let running: Running | null = null;
  let isLost = false;
  const others: JobResult[] = [];
  const send = (signal: NodeJS.Signals): void => {
    if (running !== null) process.kill(running.pid, signal);
  };
  const hit = async (): Promise<void> => {
    switch (blow) {
      case "killed before":
        isLost = true; // with its whole runner
        return send("SIGKILL");
      case "killed after":
        return send("SIGKILL");
      case "call lost":
      case "answer lost":
        return;
      case "cancelled":
        return cancelled.abort();
      case "terminated":
        send("SIGTERM");
        setTimeout(() => send("SIGKILL"), runnerKillsAfter).unref();
        return;
      case "paused":
        send("SIGSTOP");
        clock.move(beyondLease);
        others.push(await runAgain(account, steps, { first: run, next: "another run, after the lease" }));
        send("SIGCONT");
    }
  };
  wire.attend({ at, blow, hit });
  const job = await runJob({ ...account.job(run), signal: cancelled.signal }, steps, {
    onStart: (started) => {
      running = started;
    },
    onEnd: () => {
      running = null;
    },
    isLost: () => isLost,
  });
  return { call: wire.struck, jobs: [job, ...others] };
}

/** Runs it again after it was struck. */
export function runAgain(
  account: Target,
  steps: readonly Step[],
  { first, next }: { readonly first: number; readonly next: Next },
  watch: JobWatch = {},
): Promise<JobResult> {
  if (next === "the next attempt of the run") return runJob(account.job(first, 2), steps, watch);
  runs += 1;
  if (next === "another run, after the lease") {
    account.clock.move(beyondLease);
    return runJob(account.job(runs), steps, watch);
  }
  const asking = steps.map((step) => ({ ...step, with: { ...step.with, "github-token": "ghs_secret" } }));
  return runJob(account.job(runs), asking, watch);
}

/** Number of a workflow run that nobody had yet. */
export function newRun(): number {
  runs += 1;
  return runs;
}

export function isGood({ steps }: Pick<JobResult, "steps">): boolean {
  return steps.every(({ exitCode }) => exitCode === 0);
}

export function lastWords({ steps }: JobResult): string {
  return steps.at(-1)?.log.slice(-6).join(" / ") ?? "nothing ran";
}

/** However a process ends, it has words for it. */
export function bugs({ steps, posts }: JobResult): readonly string[] {
  return [...steps, ...posts].flatMap(({ log }) => log.filter((line) => line.includes("should not have happened")));
}

/** Looks until all is well: what was told to stop needs its time. */
async function wrongInTheEnd(account: ProcessAccount, prepared: Prepared): Promise<readonly string[]> {
  for (let tries = 0; ; tries += 1) {
    const rest = await account.rest();
    const records = recordsOf(rest);
    const current = records.current === null ? null : records.outcome(records.current.release);
    const wrong = [...(await wrongWith(rest)), ...prepared.wrong(current)];
    if (wrong.length === 0 || tries === 20) return wrong;
    await sleep(1000);
  }
}
