import { cells, showCell, wrongWith } from "../../test/unit/deployments/scenarios/cells.ts";
import type { Trials } from "./trials.ts";

/** A prime that does not divide their number: so many further each time, and all are met before one is met again. */
const stride = 104_729;

/** Rollouts of every kind under every switch of the played ECS, in one process on a fake clock. */
export function scenarios(seed: number): Trials {
  return {
    count: cells.length,
    lanes: 1, // a fake clock waits for whatever its process does
    open: () => ({
      make: async (number) => {
        const cell = cells[(seed + number * stride) % cells.length];
        if (cell === undefined) throw new Error(`there is no number ${number}`);
        return { line: showCell(cell), wrong: await wrongWith(cell).catch((error: unknown) => [String(error)]) };
      },
      close: () => Promise.resolve(),
    }),
  };
}
