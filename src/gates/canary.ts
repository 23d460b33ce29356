import type { Dagster } from "../dagster/client.ts";
import type { Context } from "../domain/context.ts";
import { begin } from "./canary/begin.ts";
import { unfinished } from "./canary/causes.ts";
import type { CanaryExpectation } from "./canary/expectation.ts";
import { follow } from "./canary/follow.ts";
import type { ProofClients } from "./canary/reads.ts";
import { nothingKnown, type Progress } from "./canary/state.ts";
import { askUntil, type GateResult } from "./gate.ts";

export type { CanaryExpectation } from "./canary/expectation.ts";

/**
 * Launches a job or materialises an asset as anybody would, and passes when its run has succeeded on exactly this image, which ECS
 * proves, and what it has written is where it is wanted. A run of the same release that was launched before is followed. What
 * time does not mend is final at once.
 * @throws UserError as Dagster's client does; AwsError
 */
export function canaryGate(
  dagster: Dagster,
  clients: ProofClients,
  context: Context,
  expected: CanaryExpectation,
): Promise<GateResult> {
  const { location, timeoutSeconds } = expected;
  const progress = nothingKnown();
  const gate = { dagster, clients, context, expected, progress };
  return askUntil(
    context,
    { gate: "canary", on: location, timeoutSeconds },
    () => (progress.run === null ? begin(gate) : follow(gate, progress.run)),
    (waiting) => ({ cause: unfinished(expected, waiting, leftOver(progress)), evidence: [] }),
  );
}

function leftOver({ run, proved, lostSince }: Progress): string {
  if (proved !== null) return "";
  if (run !== null) return ` Run ${run.id} was not ended, and may go on.`;
  return lostSince === null ? "" : " Its launch was not answered: a run may go on.";
}
