import { openProcessAccount } from "../../releases/processes/account.ts";
import { type Cut, cutAndRunAgain, nexts, releaseTwice } from "../../releases/processes/cuts.ts";
import { type Scenario, scenarios } from "../../releases/processes/scenarios.ts";
import { seeded } from "../../releases/processes/seeded.ts";
import type { Blow } from "../../releases/processes/striking-wire.ts";

// All cuts are made in process (test/unit/releases/whole/cut-*) and by `npm run soak`. Here is a sample with real processes.
const seed = 1;

const sample: readonly (readonly [string, readonly Blow[]])[] = [
  ["a change of code", ["killed before", "cancelled", "paused"]],
  ["a change of code, in four actions", ["killed after", "terminated", "answer lost"]],
  ["a rollback", ["killed before", "cancelled", "call lost"]],
  ["a release that fails", ["killed after", "terminated", "answer lost"]],
];

// Each has an account of its own, and mostly waits: side by side they take a quarter of the time.
test.concurrent.each(sample)(
  "%s, struck while it runs (%s) and run again, leaves one release, its services as it says, and nothing over",
  async (name, blows) => {
    const random = seeded(seed + sample.findIndex(([other]) => other === name));
    const scenario = scenarioNamed(name);
    const account = await openProcessAccount();
    try {
      await releaseTwice(account, scenario);
      for (const [number, blow] of blows.entries()) {
        // What is read before the lock is taken is struck by the others.
        const at = Math.floor((0.3 + 0.7 * random()) * scenario.calls);
        const cut: Cut = { scenario, blow, at, next: nexts[number % nexts.length] ?? "the next attempt of the run" };
        const { line, wrong } = await cutAndRunAgain(account, cut);
        process.stdout.write(`seed ${seed}: ${line}\n`);
        expect({ line, wrong }).toEqual({ line, wrong: [] });
      }
    } finally {
      await account.close();
    }
  },
  300_000,
);

function scenarioNamed(name: string): Scenario {
  const found = scenarios.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no scenario is called ${name}`);
  return found;
}
