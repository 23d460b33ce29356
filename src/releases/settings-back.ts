import { guarded } from "../aws/send.ts";
import { applySettings } from "../deployments/index.ts";
import { messageOf } from "../domain/errors.ts";
import type { HeldLock } from "./lock.ts";
import type { RolloutEnd } from "./rollout.ts";
import type { Session } from "./session.ts";
import type { TakenBack } from "./take-back.ts";

/** What became of percentages and breaker of one service. */
export interface SettingsBack {
  /** Its key. */
  readonly service: string;
  /** null: they are as before. */
  readonly why: string | null;
}

/** Sets percentages and breakers to what they were before this release, of services that went back or did not move. */
export async function putSettingsBack(
  { clients, stack }: Pick<Session, "clients" | "stack">,
  lock: HeldLock,
  { steps }: Pick<RolloutEnd, "steps">,
  takenBack: readonly TakenBack[],
): Promise<readonly SettingsBack[]> {
  const ecs = guarded(clients.ecs, () => lock.check());
  const results: SettingsBack[] = [];
  for (const { step, kind } of steps.toReversed()) {
    if (step.kind !== "settings" || kind === "left") continue;
    const { service, name, from, to } = step;
    if (takenBack.some((one) => one.service === service && one.why !== null)) {
      results.push({ service, why: "the service itself could not be taken back" });
      continue;
    }
    try {
      await applySettings(ecs, { cluster: stack.contract.cluster, service: name, from: to, to: from });
      results.push({ service, why: null });
    } catch (error) {
      results.push({ service, why: messageOf(error) });
    }
  }
  return results;
}
