/** Cuts real releases at every call, in the order of a seed: `npm run soak`. */
import { openProcessAccount, type ProcessAccount } from "../../test/releases/processes/account.ts";
import { type Cut, cutAndRunAgain, everyCut, releaseTwice } from "../../test/releases/processes/cuts.ts";
import { scenarios } from "../../test/releases/processes/scenarios.ts";
import { seeded, shuffled } from "../../test/releases/processes/seeded.ts";
import { readOptions } from "./options.ts";

const read = readOptions(process.argv.slice(2));
if (read.kind === "say") {
  console.log(read.text);
  process.exit(read.exitCode);
}
const { seed, from, count, minutes } = read.options;
const all = shuffled(everyCut(scenarios), seeded(seed));
const end = Math.min(all.length, from + count);
const deadline = performance.now() + minutes * 60_000;
console.log(`${all.length} cuts; seed ${seed}, from ${from} to ${end}, for at most ${minutes} min`);

let next = from;
let isInterrupted = false;
/** What is under way is gone through with: nothing is left behind. */
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void (isInterrupted = true));
const wrong: string[] = [];

// They mostly wait.
await Promise.all([lane(), lane(), lane()]);

const left = next < all.length ? `; to go on: npm run soak -- --seed ${seed} --from ${next}` : "";
for (const line of wrong) console.log(`✗ ${line}`);
console.log(`${next - from} cuts made, ${wrong.length} went wrong${left}`);
process.exit(wrong.length === 0 ? 0 : 1);

/** Takes one cut after the other, on an account of its own as long as that is as it should be. */
async function lane(): Promise<void> {
  let account: ProcessAccount | null = null;
  for (let number = take(); number !== null; number = take()) {
    const cut = all[number];
    if (cut === undefined) break;
    if (cut.scenario.onNothing) {
      await account?.close();
      account = null;
    }
    if (account === null) {
      account = await openProcessAccount();
      await releaseTwice(account, cut.scenario);
    }
    const isGood = await make(account, number, cut);
    if (isGood && !cut.scenario.onNothing) continue;
    await account.close();
    account = null;
  }
  await account?.close();
}

function take(): number | null {
  if (isInterrupted || next >= end || performance.now() > deadline) return null;
  next += 1;
  return next - 1;
}

async function make(account: ProcessAccount, number: number, cut: Cut): Promise<boolean> {
  const since = performance.now();
  const made = await cutAndRunAgain(account, cut).catch((error: unknown) => ({
    line: `${cut.scenario.name}, ${cut.blow}, call ${cut.at}`,
    wrong: [error instanceof Error ? error.message : String(error)],
  }));
  const seconds = ((performance.now() - since) / 1000).toFixed(0);
  const isGood = made.wrong.length === 0;
  console.log(`${isGood ? "✓" : "✗"} ${number}: ${made.line} (${seconds} s)`);
  for (const one of made.wrong) console.log(`    ${one}`);
  if (!isGood) wrong.push(`${number}: ${made.line}: ${made.wrong.join("; ")}`);
  return isGood;
}
