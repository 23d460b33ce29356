import type { ServiceObservation } from "../deployments/service.ts";
import type { Gates } from "../stack/stack.ts";

/**
 * Is a service asked for the health of its targets? Unless told, not where traffic is shifted between groups: one of them is empty then.
 */
export function asksForTargets(
  { targetHealth }: Pick<Gates, "targetHealth">,
  service: ServiceObservation | null,
): boolean {
  if (service === null || service.targetGroups.length === 0 || targetHealth === "off") return false;
  return targetHealth === "required" || service.rollout.strategy === "ROLLING";
}
