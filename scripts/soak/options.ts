import { parseArgs } from "node:util";

export interface SoakOptions {
  /** Same seed, same cuts in the same order. */
  readonly seed: number;
  /** Number of the first cut to make, in that order. */
  readonly from: number;
  /** How many are made at most. */
  readonly count: number;
  /** No cut is begun after so many minutes. */
  readonly minutes: number;
}

export const help = `Releases of real processes, struck at their calls and run again: every cut there is, in the order of a seed.

npm run soak [-- options]

  --seed N         order of the cuts (1)
  --from N         number of the first one to make (0)
  --count N        how many to make (all that are left)
  --minutes N      begin none after so many minutes (60)
  --help           print this`;

/** @returns the options; or what to print instead of running, and how to exit */
export function readOptions(
  args: readonly string[],
):
  | { readonly kind: "run"; readonly options: SoakOptions }
  | { readonly kind: "say"; readonly text: string; readonly exitCode: number } {
  const refuse = (what: string) => ({ kind: "say", text: `${what}\n\n${help}`, exitCode: 2 }) as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", default: false },
        seed: { type: "string", default: "1" },
        from: { type: "string", default: "0" },
        count: { type: "string" },
        minutes: { type: "string", default: "60" },
      },
    });
    if (values.help) return { kind: "say", text: help, exitCode: 0 };
    for (const name of ["seed", "from", "count", "minutes"] as const) {
      const value = values[name];
      if (value !== undefined && !/^\d+$/.test(value))
        return refuse(`--${name} must be a whole number, and is ${value}.`);
    }
    const { seed, from, count, minutes } = values;
    const most = count === undefined ? Number.POSITIVE_INFINITY : Number(count);
    return { kind: "run", options: { seed: Number(seed), from: Number(from), count: most, minutes: Number(minutes) } };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}
