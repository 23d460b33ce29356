import { openManyLocations } from "../test/releases/played/many-locations.ts";
import { deployer } from "../test/releases/played/deployer.ts";
import { openProcessAccount, type ProcessAccount } from "../test/releases/processes/account.ts";
import type { WireCall } from "../test/releases/processes/striking-wire.ts";
import { runStep } from "../test/runner/run-step.ts";
import { ownCpu } from "./own-cpu.ts";
import { median, type Row, row } from "./rows.ts";

/** Releases of three services through the bundle, as processes against the local AWS; and many locations in one process. Nobody else does this. */
export async function measure(runs: number): Promise<readonly Row[]> {
  return [...(await figures(runs)), ...(await callsAtAwsPace()), ...(await linearity())];
}

const quickened = 100;
const change = {
  code: (version: number) => ({ "app/main.py": `VERSION = ${version}\n` }),
  stack: (version: number) => ({
    ...change.code(version),
    "dagster.yaml": `telemetry: { enabled: false } # ${version}\n`,
  }),
};

interface Measured {
  readonly seconds: number;
  readonly oursSeconds: number;
  readonly calls: readonly WireCall[];
}

async function figures(runs: number): Promise<readonly Row[]> {
  const account = await openProcessAccount(quickened);
  try {
    await step(account, {});
    await step(account, {}, change.code(0)); // a release to go back to, and warm caches
    const rounds: Record<"code" | "stack" | "none" | "back", Measured>[] = [];
    for (let round = 1; round <= runs; round += 1) {
      rounds.push({
        code: await step(account, {}, change.code(2 * round)),
        stack: await step(account, {}, change.stack(2 * round + 1)),
        none: await step(account, {}),
        back: await step(account, { command: "rollback", to: "previous", "dry-run": "true" }),
      });
    }
    const seconds = (name: string, of: keyof (typeof rounds)[number], what: "seconds" | "oursSeconds"): Row =>
      alone(name, "s", median(rounds.map((round) => round[of][what])));
    return [
      seconds("code-only ours, goal 5", "code", "oursSeconds"),
      seconds(`code-only, speed factor ${quickened}`, "code", "seconds"),
      seconds("whole-stack ours", "stack", "oursSeconds"),
      seconds(`whole-stack, speed factor ${quickened}`, "stack", "seconds"),
      seconds("no change, goal 3", "none", "seconds"),
      seconds("rollback plan, goal 2", "back", "seconds"),
    ];
  } finally {
    await account.close();
  }
}

/** How often ECS is asked depends on how long it takes: counted at the pace that AWS has. */
async function callsAtAwsPace(): Promise<readonly Row[]> {
  const account = await openProcessAccount(1);
  try {
    await step(account, {});
    const code = await step(account, {}, change.code(2));
    const stack = await step(account, {}, change.stack(3));
    return [
      alone("code-only calls, speed factor 1, goal 120", "AWS calls", ofAws(code.calls)),
      alone("code-only requests to the registry", "requests", code.calls.length - ofAws(code.calls)),
      alone("whole-stack calls, speed factor 1", "AWS calls", ofAws(stack.calls)),
    ];
  } finally {
    await account.close();
  }
}

function ofAws(calls: readonly WireCall[]): number {
  return calls.filter(({ name }) => !/^(registry|dagster) /.test(name)).length;
}

let runId = 0;

/** Releases what is checked out after these files were committed, or does what is told. */
async function step(
  account: ProcessAccount,
  inputs: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>> = {},
): Promise<Measured> {
  const { checkout, wire } = account;
  for (const [path, text] of Object.entries(files)) await checkout.write(path, text);
  if (Object.keys(files).length > 0) checkout.commit("Change");
  runId += 1;
  wire.attend(null);
  const from = performance.now();
  const { exitCode, seconds, log } = await runStep(account.job(runId), { action: ".", with: inputs });
  if (exitCode !== 0) throw new Error(log.join("\n"));
  const { calls } = wire;
  return { seconds, oursSeconds: (performance.now() - from - awaited(calls)) / 1000, calls };
}

/** Milliseconds in which a task of a migration, a rollout or a gate was waited for. Answers of AWS's other calls count as ours. */
function awaited(calls: readonly WireCall[]): number {
  const at = (name: string): number => calls.findIndex((call) => call.name === name);
  const [task, roll] = [at("ecs RunTask"), at("ecs UpdateService")];
  if (roll === -1) return 0;
  const asked = calls.findLast(({ name }) => name.startsWith("dagster "));
  const looked = calls.slice(0, roll).findLast(({ name }) => /^(ecs DescribeTasks|logs GetLogEvents)/.test(name));
  const between = (first: WireCall | undefined, last: WireCall | undefined): number =>
    first === undefined || last === undefined ? 0 : (last.to ?? last.from) - first.from;
  return between(calls[roll], asked) + (task === -1 ? 0 : between(calls[task], looked));
}

/** A change of the code of all locations, in one process on a fake clock. */
async function linearity(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const locations of [10, 100]) {
    const account = await openManyLocations(locations);
    try {
      await account.clock.run(deployer(account, { run: 1 }).deploy());
      await account.clock.pass(60_000);
      await account.commit({ "app/main.py": "VERSION = 2\n" });
      let calls = 0;
      const who = deployer(account, {
        run: 2,
        wire: (_call, effect) => {
          calls += 1;
          return effect();
        },
      });
      const milliseconds = await ownCpu(() => account.clock.run(who.deploy()));
      rows.push(alone(`${locations} locations, calls of all kinds`, "calls", calls));
      rows.push(alone(`${locations} locations, cpu in src/`, "ms", milliseconds));
    } finally {
      await account.close();
    }
  }
  return rows;
}

function alone(name: string, unit: string, value: number): Row {
  return row(name, unit, value, null);
}
