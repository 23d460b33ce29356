import { openProcessAccount, type ProcessAccount } from "../../test/releases/processes/account.ts";
import { type Cut, cutAndRunAgain, everyCut, releaseTwice } from "../../test/releases/processes/cuts.ts";
import { scenarios } from "../../test/releases/processes/scenarios.ts";
import { seeded, shuffled } from "../../test/releases/processes/seeded.ts";
import type { Lane, Made, Trials } from "./trials.ts";

/** Real processes, struck at each of their calls and run again. */
export function cuts(seed: number): Trials {
  const all = shuffled(everyCut(scenarios), seeded(seed));
  return { count: all.length, lanes: 3 /* they mostly wait */, open: () => open(all) };
}

/** On an account of its own as long as that is as it should be. */
function open(all: readonly Cut[]): Lane {
  let account: ProcessAccount | null = null;
  const close = async (): Promise<void> => {
    const open = account;
    account = null;
    await open?.close();
  };
  return {
    make: async (number) => {
      const cut = all[number];
      if (cut === undefined) throw new Error(`there is no number ${number}`);
      if (cut.scenario.onNothing) await close();
      if (account === null) {
        account = await openProcessAccount();
        await releaseTwice(account, cut.scenario);
      }
      const made = await cutOn(account, cut);
      if (made.wrong.length > 0 || cut.scenario.onNothing) await close();
      return made;
    },
    close,
  };
}

function cutOn(account: ProcessAccount, cut: Cut): Promise<Made> {
  return cutAndRunAgain(account, cut).catch((error: unknown) => ({
    line: `${cut.scenario.name}, ${cut.blow}, call ${cut.at}`,
    wrong: [error instanceof Error ? error.message : String(error)],
  }));
}
