import type { Finding } from "../../domain/finding.ts";
import { resolveText, type Results } from "../../domain/later.ts";
import type { GateName, Step } from "../../domain/plan.ts";
import { canaryGate } from "../../gates/canary.ts";
import type { GateResult } from "../../gates/gate.ts";
import { logScanGate } from "../../gates/log-scan.ts";
import { expectGate } from "../../gates/state/expect.ts";
import { stateGate } from "../../gates/state/gate.ts";
import { withLevels } from "../../stack/index.ts";
import type { Stack } from "../../stack/stack.ts";
import { askGate } from "../ask-gate.ts";
import { dayOf } from "../checks.ts";
import { holdersOf } from "../hosts.ts";
import { canaryTimeoutSeconds, expectTimeoutSeconds, gateTimeoutSeconds } from "../time-outs.ts";
import type { Workshop } from "../workshop.ts";
import { type Done, StepFailed } from "./done.ts";

/** Asks a gate, and goes on when it passes. @throws StepFailed, AwsError, Cancelled */
export async function passGate(shop: Workshop, step: Extract<Step, { kind: "gate" }>, results: Results): Promise<Done> {
  const gate = await ask(shop, step, results);
  const { cause, evidence, seen, findings = [] } = asLevelled(shop.stack, step.gate, gate);
  if (cause !== null) throw new StepFailed(cause, evidence);
  const levelled = withLevels(findings, shop.stack.checks, dayOf(shop.context.clock.now()));
  for (const finding of levelled) shop.context.report({ kind: "finding", finding });
  const error = levelled.find(({ level }) => level === "error");
  if (error !== undefined) throw new StepFailed(error, evidence);
  return { results: {}, parts: {}, said: seen, gate };
}

/** What fails at a gate of the level `warn` is a finding, and no more. */
function asLevelled({ gates, file }: Stack, name: GateName, result: GateResult): GateResult {
  const { cause, seen, findings = [] } = result;
  const { level, reason } = gates.levels[name] ?? { level: "on", reason: null };
  if (cause === null || level !== "warn") return result;
  const { id, what, fix } = cause;
  const why = `\`gates: levels\` lets it pass${reason === null ? "" : `: ${reason}`}`;
  const finding: Finding = {
    id: "gate-passed-over",
    level: "warning",
    where: file,
    what: `${what} (${id}; ${why})`,
    fix: fix ?? "",
  };
  return { ...result, cause: null, seen: `not passed, and only said: ${seen}`, findings: [...findings, finding] };
}

async function ask(
  { dagster, context, stack, clients, release, handedOver, instigators, allowsStateLoss }: Workshop,
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
    case "state":
      return stateGate(dagster, context, {
        location: step.on,
        image: resolveText(step.image, results),
        before: instigators?.[step.on] ?? null,
        allowsLoss: allowsStateLoss,
        restores: stack.gates.restore,
        timeoutSeconds: gateTimeoutSeconds,
      });
    case "expect":
      return expectGate(dagster, context, {
        stack: step.on,
        schedules: step.schedules,
        sensors: step.sensors,
        firstTick: step.firstTick,
        restores: stack.gates.restore,
        timeoutSeconds: expectTimeoutSeconds,
      });
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
