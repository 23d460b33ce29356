import { optionsReader, speedOf, speedOption } from "../options.ts";

export interface DemoOptions {
  /** End when all stages are through, instead of waiting for Ctrl-C. */
  readonly exit: boolean;
  /** File for what happened, as JSON. */
  readonly report: string | null;
  readonly speed: number;
}

export const help = `Deal flow, from nothing to production and back, on this machine.

npm run demo [-- options]

  --exit           end when all stages are through, instead of waiting for Ctrl-C
  --report FILE    write what happened as JSON, too
  --speed N        how much faster than AWS its provisioning, settling and draining are (20); Dagster keeps its pace
  --help           print this`;

export const readOptions = optionsReader({
  help,
  table: {
    exit: { type: "boolean", default: false },
    report: { type: "string" },
    speed: speedOption,
  },
  understand: ({ exit, report = null, speed }): DemoOptions => ({ exit, report, speed: speedOf(speed) }),
});
