import { isWeather } from "../aws/error.ts";
import { DagsterOutOfReach, DagsterUnreachable } from "../dagster/client.ts";
import type { Context } from "../domain/context.ts";
import type { Evidence } from "../domain/evidence.ts";
import type { Finding } from "../domain/finding.ts";
import type { GateName } from "../domain/plan.ts";
import type { Cause } from "../domain/verdict.ts";

/** Asked as a step of a plan; or, `version`, of code in S3 by who has switched to another version of it. */
type Name = GateName | "version";

/** Which gate asks, about what, for how long. */
export interface Asked {
  readonly gate: Name;
  /** Key of the service, or name of the code location, that is asked about. */
  readonly on: string;
  readonly timeoutSeconds: number;
}

/** What a gate found out. */
export interface GateResult extends Omit<Asked, "timeoutSeconds"> {
  /** null: passed. */
  readonly cause: Cause | null;
  /** What was seen, for people: `4 answers of server 1b2c3d4e with code@sha256:…`. */
  readonly seen: string;
  readonly evidence: readonly Evidence[];
  readonly seconds: number;
  /** Milliseconds since 1970 of the first answer of the unbroken row that passed; null when it failed. */
  readonly since: number | null;
  /** What somebody should know although it passed. */
  readonly findings?: readonly Finding[];
}

/** One answer: it is enough, why it is not yet, or why it never will be. */
export type Attempt =
  | { readonly seen: string; readonly since: number; readonly findings?: readonly Finding[] }
  /** `fix`: what to do should it stay so, whatever is asked. */
  | { readonly waiting: string; readonly fix?: string }
  | { readonly seen: string; readonly cause: Cause; readonly evidence: readonly Evidence[] };

/** Time between two questions, in milliseconds: answers closer together come from one connection of the webserver, and prove nothing new. */
const pause = 1000;

/**
 * Asks until an answer is final or the time, which begins with the first answer, is over. Nobody who answers is weather; anything else that is thrown is passed on.
 * @param failed says what it means that the time is over; `waiting` is the last answer
 */
export async function askUntil(
  context: Context,
  gate: Asked,
  attempt: () => Promise<Attempt>,
  failed: (waiting: string) => { readonly cause: Cause; readonly evidence: readonly Evidence[] },
): Promise<GateResult> {
  const { clock, report, signal } = context;
  const begun = clock.now();
  const seconds = (): number => (clock.now() - begun) / 1000;
  const common = { gate: gate.gate, on: gate.on };
  let waiting = "nobody answered yet";
  let fix: string | undefined;
  // The time-out is that of what is asked about: who asks may have to be started first.
  let since: number | null = null;
  while (since === null || clock.now() - since <= gate.timeoutSeconds * 1000) {
    const answer = await weathered(attempt);
    since ??= clock.now();
    if ("cause" in answer) return { ...common, ...answer, seconds: seconds(), since: null };
    if ("seen" in answer) return { ...common, cause: null, ...answer, evidence: [], seconds: seconds() };
    if (answer.waiting !== waiting) report({ kind: "line", text: `${gate.gate} ${gate.on}: ${answer.waiting}` });
    ({ waiting, fix } = answer);
    await clock.sleep(pause, signal);
  }
  const { cause, evidence } = failed(waiting);
  const mended = fix === undefined ? cause : { ...cause, fix };
  return { ...common, cause: mended, evidence, seen: waiting, seconds: seconds(), since: null };
}

async function weathered(attempt: () => Promise<Attempt>): Promise<Attempt> {
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof DagsterOutOfReach) return { waiting: error.message, fix: error.fix };
    if (error instanceof DagsterUnreachable) return { waiting: error.message };
    if (isWeather(error)) return { waiting: error.what };
    throw error;
  }
}
