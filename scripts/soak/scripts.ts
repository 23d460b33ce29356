import fc from "../../test/properties.ts";
import { scripts as anyScript, showScript, tellScript } from "../../test/unit/deployments/scenarios/random.ts";
import type { Trials } from "./trials.ts";

/** More than anybody waits for. */
const count = 1_000_000;

/** Rollouts in which anything happens at any time, in one process on a fake clock. */
export function scripts(seed: number): Trials {
  return {
    count,
    lanes: 1, // a fake clock waits for whatever its process does
    open: () => ({
      make: async (number) => {
        const [script] = fc.sample(anyScript, { seed: seed * count + number, numRuns: 1 });
        if (script === undefined) throw new Error("there is no script");
        const { end, wrong } = await tellScript(script);
        return { line: `${end}: ${showScript(script)}`, wrong };
      },
      close: () => Promise.resolve(),
    }),
  };
}
