import { parseArgs } from "node:util";

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

/** @returns the options; or what to print instead of running, and how to exit */
export function readOptions(
  args: readonly string[],
):
  | { readonly kind: "run"; readonly options: DemoOptions }
  | { readonly kind: "say"; readonly text: string; readonly exitCode: number } {
  const refuse = (what: string) => ({ kind: "say", text: `${what}\n\n${help}`, exitCode: 2 }) as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", default: false },
        exit: { type: "boolean", default: false },
        report: { type: "string" },
        speed: { type: "string", default: "20" },
      },
    });
    if (values.help) return { kind: "say", text: help, exitCode: 0 };
    const speed = Number(values.speed);
    if (!Number.isFinite(speed) || speed <= 0)
      return refuse(`--speed must be a number above 0, and is ${values.speed}.`);
    return { kind: "run", options: { exit: values.exit, report: values.report ?? null, speed } };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}
