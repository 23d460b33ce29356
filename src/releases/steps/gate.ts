import type { Finding } from "../../domain/finding.ts";
import { resolveText, type Results } from "../../domain/later.ts";
import type { Step } from "../../domain/plan.ts";
import { canaryGate } from "../../gates/canary.ts";
import type { GateResult } from "../../gates/gate.ts";
import { logScanGate } from "../../gates/log-scan.ts";
import { withLevels } from "../../stack/index.ts";
import { askGate } from "../ask-gate.ts";
import { dayOf } from "../checks.ts";
import { holdersOf } from "../hosts.ts";
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
  if (step.gate === "log-scan") return scanLog(stack, clients, context, step);
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
      return canaryGate(dagster, clients, context, {
        ...step.run,
        location: step.on,
        cluster: stack.contract.cluster,
        holders: holdersOf(stack, step.on),
        image: resolveText(step.image, results),
        tags: { "dagster-ecs/release": release.id, "dagster-ecs/commit": release.source.sha },
        timeoutSeconds: canaryTimeoutSeconds,
      });
  }
}

/** Asks no webserver: it reads what the tasks of a service have written. */
function scanLog(
  stack: Workshop["stack"],
  clients: Workshop["clients"],
  context: Workshop["context"],
  { on, level }: Extract<Step, { gate: "log-scan" }>,
): Promise<GateResult> {
  const service = stack.services[on];
  if (service === undefined) throw new Error(`service ${on} is not in the stack`);
  const { definition, logGroup, place } = service;
  const asked: Finding = { id: "start-up-errors", level, where: place, what: "", fix: "" };
  const [levelled = asked] = withLevels([asked], stack.checks, dayOf(context.clock.now()));
  return logScanGate(clients, context, {
    service: on,
    serviceName: service.service,
    cluster: stack.contract.cluster,
    place,
    // As its definition is made of the stack file.
    log:
      logGroup === null || definition.container === null
        ? null
        : { group: logGroup, prefix: on, container: definition.container },
    level: levelled.level,
  });
}
