import { underSwitches, wrongUnder } from "../../test/releases/played/switches.ts";
import { seeded, shuffled } from "../../test/releases/processes/seeded.ts";
import type { Trials } from "./trials.ts";

/** Every cell of the table of endings under every switch of the played ECS, in one process on a fake clock. */
export function switches(seed: number): Trials {
  const all = shuffled(underSwitches, seeded(seed));
  return {
    count: all.length,
    lanes: 1, // a fake clock waits for whatever its process does
    open: () => ({
      make: async (number) => {
        const cell = all[number];
        if (cell === undefined) throw new Error(`there is no number ${number}`);
        const line = `${cell.id} ${cell.value}: ${cell.kind}, and ${cell.what}`;
        const wrong = await wrongUnder(cell).catch((error: unknown) => [String(error)]);
        return { line, wrong };
      },
      close: () => Promise.resolve(),
    }),
  };
}
