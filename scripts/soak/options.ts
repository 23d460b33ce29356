import { optionsReader } from "../options.ts";

const kinds = ["cuts", "switches", "upgrade", "migration", "scenarios", "scripts", "properties"] as const;

export interface SoakOptions {
  /** Releases that are cut; releases that fail, under each switch of the played ECS; upgrades of a real Dagster that are cut, of all or of its storage; rollouts of one service; tests with examples of their own. */
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

npm run soak [-- cuts|switches|upgrade|migration|scenarios|scripts|properties] [options]

  cuts             real processes, struck at each of their calls and run again (unless told)
  switches         what can fail, where it can, under each value of what nobody outside AWS knows of ECS:
                   a release must end the same way
  upgrade          a real Dagster on PostgreSQL that gets a newer minor version, struck and run again: the first
                   numbers strike each of its calls once, the next ones each in another way
  migration        such an upgrade of which only dagster instance migrate and its PostgreSQL are real, struck in one order
                   whatever the seed: killed after each of its calls, before each that writes, then in all other ways
  scenarios        what containers of one service do, how ECS and its calls fare, how tasks are replaced, under each
                   value of what nobody outside AWS knows: a rollout must end the same way
  scripts          rollouts of one service in which anything happens at any time: none may be called good unless it is
  properties       the tests that make up their examples, each time with others

  --seed N         their order (1)
  --from N         number of the first one (0)
  --count N        how many (all that are left)
  --minutes N      begin none after so many minutes (60)
  --help           print this`;

export const readOptions = optionsReader({
  help,
  table: {
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    count: { type: "string" },
    minutes: { type: "string", default: "60" },
  },
  allowPositionals: true,
  understand: ({ seed, from, count, minutes }, positionals): SoakOptions => {
    const [kind = "cuts", ...more] = positionals;
    const of = kinds.find((known) => known === kind);
    if (of === undefined || more.length > 0)
      throw new Error(`It soaks ${kinds.join(", ")}, not ${positionals.join(" ")}.`);
    return {
      of,
      seed: wholeNumber("seed", seed),
      from: wholeNumber("from", from),
      count: count === undefined ? Number.POSITIVE_INFINITY : wholeNumber("count", count),
      minutes: wholeNumber("minutes", minutes),
    };
  },
});

function wholeNumber(name: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new Error(`--${name} must be a whole number, and is ${text}.`);
}
