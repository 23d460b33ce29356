import { resolveText, type Results } from "../../domain/later.ts";
import type { Step } from "../../domain/plan.ts";
import { canaryGate } from "../../gates/canary.ts";
import type { GateResult } from "../../gates/gate.ts";
import { askGate } from "../ask-gate.ts";
import { canaryTimeoutSeconds, gateTimeoutSeconds } from "../time-outs.ts";
import type { Workshop } from "../workshop.ts";
import { type Done, StepFailed } from "./done.ts";

/** Asks a gate, and goes on when it passes. @throws StepFailed, AwsError, Cancelled */
export async function passGate(shop: Workshop, step: Extract<Step, { kind: "gate" }>, results: Results): Promise<Done> {
  const gate = await ask(shop, step, results);
  if (gate.cause !== null) throw new StepFailed(gate.cause, gate.evidence);
  return { results: {}, parts: {}, said: gate.seen, gate };
}

async function ask(
  { dagster, context, stack, clients, release, handedOver }: Workshop,
  step: Extract<Step, { kind: "gate" }>,
  results: Results,
): Promise<GateResult> {
  if (dagster === null) throw new Error(`gate ${step.id} has nobody to ask`);
  const asker = { dagster, context, stack, clients };
  switch (step.gate) {
    case "location":
    case "loaded":
      return askGate(
        asker,
        { gate: step.gate, on: step.on, image: resolveText(step.image, results) },
        gateTimeoutSeconds,
      );
    case "daemon":
      return askGate(
        asker,
        { gate: step.gate, on: step.on, handedOverFrom: handedOver[step.on] ?? null },
        gateTimeoutSeconds,
      );
    case "webserver":
      return askGate(asker, { gate: step.gate, on: step.on }, gateTimeoutSeconds);
    case "canary":
      return canaryGate(dagster, clients.ecs, context, {
        location: step.on,
        job: step.job,
        cluster: stack.contract.cluster,
        image: resolveText(step.image, results),
        tags: { "dagster-ecs/release": release.id, "dagster-ecs/commit": release.source.sha },
        timeoutSeconds: canaryTimeoutSeconds,
      });
  }
}
