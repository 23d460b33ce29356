/** More releases than a test run has time for: `npm run soak`. */
import { ownOptions } from "../options.ts";
import { cuts } from "./cuts.ts";
import { migrations } from "./migrations.ts";
import { readOptions } from "./options.ts";
import { properties } from "./properties.ts";
import { scenarios } from "./scenarios.ts";
import { scripts } from "./scripts.ts";
import { switches } from "./switches.ts";
import type { Trials } from "./trials.ts";
import { upgrades } from "./upgrades.ts";

const { of, seed, from, count, minutes } = ownOptions(readOptions);
const trials: Trials = await {
  cuts,
  switches,
  upgrade: upgrades,
  migration: migrations,
  scenarios,
  scripts,
  properties,
}[of](seed);
const end = Math.min(trials.count, from + count);
const deadline = performance.now() + minutes * 60_000;
console.log(`${trials.count} ${of}; seed ${seed}, from ${from} to ${end}, for at most ${minutes} min`);

let next = from;
let isInterrupted = false;
/** What is under way is gone through with: nothing is left behind. */
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void (isInterrupted = true));
const wrong: string[] = [];

await Promise.all(Array.from({ length: trials.lanes }, lane));

const left = next < trials.count ? `; to go on: npm run soak -- ${of} --seed ${seed} --from ${next}` : "";
for (const line of wrong) console.log(`✗ ${line}`);
console.log(`${next - from} ${of} made, ${wrong.length} went wrong${left}`);
process.exit(wrong.length === 0 ? 0 : 1);

/** Takes one after the other. */
async function lane(): Promise<void> {
  const trial = trials.open();
  for (let number = take(); number !== null; number = take()) {
    const since = performance.now();
    const made = await trial.make(number);
    const seconds = ((performance.now() - since) / 1000).toFixed(0);
    const isGood = made.wrong.length === 0;
    console.log(`${isGood ? "✓" : "✗"} ${number}: ${made.line} (${seconds} s)`);
    for (const one of made.wrong) console.log(`    ${one}`);
    if (!isGood) wrong.push(`${number}: ${made.line}: ${made.wrong.join("; ")}`);
  }
  await trial.close();
}

function take(): number | null {
  if (isInterrupted || next >= end || performance.now() > deadline) return null;
  next += 1;
  return next - 1;
}
