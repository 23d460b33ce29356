import { parseArgs } from "node:util";

const kinds = ["cuts", "switches", "upgrade"] as const;

export interface SoakOptions {
  /** Releases that are cut; releases that fail, under each switch of the played ECS; upgrades of a real Dagster that are cut. */
  readonly of: (typeof kinds)[number];
  /** Same seed, same releases in the same order. */
  readonly seed: number;
  /** Number of the first one, in that order. */
  readonly from: number;
  /** How many there are at most. */
  readonly count: number;
  /** None is begun after so many minutes. */
  readonly minutes: number;
}

export const help = `More releases than a test run has time for, in the order of a seed.

npm run soak [-- cuts|switches|upgrade] [options]

  cuts             real processes, struck at each of their calls and run again (unless told)
  switches         what can fail, where it can, under each value of what nobody outside AWS knows of ECS:
                   a release must end the same way
  upgrade          a real Dagster on PostgreSQL that gets a newer minor version, struck and run again: the first
                   numbers strike each of its calls once, the next ones each in another way

  --seed N         their order (1)
  --from N         number of the first one (0)
  --count N        how many (all that are left)
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
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: "boolean", default: false },
        seed: { type: "string", default: "1" },
        from: { type: "string", default: "0" },
        count: { type: "string" },
        minutes: { type: "string", default: "60" },
      },
    });
    if (values.help) return { kind: "say", text: help, exitCode: 0 };
    const [kind = "cuts", ...more] = positionals;
    const of = kinds.find((known) => known === kind);
    if (of === undefined || more.length > 0)
      return refuse(`It soaks cuts, switches or upgrade, not ${positionals.join(" ")}.`);
    for (const name of ["seed", "from", "count", "minutes"] as const) {
      const value = values[name];
      if (value !== undefined && !/^\d+$/.test(value))
        return refuse(`--${name} must be a whole number, and is ${value}.`);
    }
    const { seed, from, count, minutes } = values;
    const most = count === undefined ? Number.POSITIVE_INFINITY : Number(count);
    return {
      kind: "run",
      options: { of, seed: Number(seed), from: Number(from), count: most, minutes: Number(minutes) },
    };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}
