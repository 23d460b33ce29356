import { isAwsError } from "../../aws/error.ts";
import { observeServices } from "../../deployments/index.ts";
import { UserError } from "../../domain/errors.ts";
import type { Finding } from "../../domain/finding.ts";
import { resolveText, type Results } from "../../domain/later.ts";
import type { GateName, Step } from "../../domain/plan.ts";
import { imageOf } from "../../domain/release.ts";
import { canaryGate } from "../../gates/canary.ts";
import type { GateResult } from "../../gates/gate.ts";
import { asFarAsKnown } from "../../gates/older-dagster.ts";
import { logScanGate } from "../../gates/log-scan.ts";
import { expectGate } from "../../gates/state/expect.ts";
import { stateGate } from "../../gates/state/gate.ts";
import { securityGroupsGate } from "../../gates/security-groups.ts";
import { targetsGate } from "../../gates/targets.ts";
import { versionGate } from "../../gates/version.ts";
import { type Service, withLevels } from "../../stack/index.ts";
import { askGate } from "../ask-gate.ts";
import type { LogStream } from "../../tasks/follow-log.ts";
import { dayOf } from "../checks.ts";
import { eachWebserver } from "../each-webserver.ts";
import { holdersOf } from "../hosts.ts";
import { canaryTimeoutSeconds, expectSeconds, gateTimeoutSeconds } from "../time-outs.ts";
import type { Workshop } from "../workshop.ts";
import { type Done, StepFailed } from "./done.ts";

/** What gates need of it. */
export type GateShop = Pick<
  Workshop,
  | "dagster"
  | "webserver"
  | "context"
  | "stack"
  | "clients"
  | "release"
  | "handedOver"
  | "instigators"
  | "jobs"
  | "allowsStateLoss"
  | "backTo"
>;

/** Asks a gate, and goes on when it passes. @throws StepFailed, AwsError, Cancelled */
export async function passGate(shop: GateShop, step: Extract<Step, { kind: "gate" }>, results: Results): Promise<Done> {
  const gate = await askAtItsLevel(shop, step, results);
  const {
    cause,
    evidence,
    seen,
    findings = [],
  } = passedOver(gate, shop.stack.file, whyPassedOver(shop, step.gate, gate));
  if (cause !== null) throw new StepFailed(cause, evidence);
  const levelled = withLevels(findings, shop.stack.checks, dayOf(shop.context.clock.now()));
  for (const finding of levelled) shop.context.report({ kind: "finding", finding });
  const error = levelled.find(({ level }) => level === "error");
  if (error !== undefined) throw new StepFailed(error, evidence);
  return { results: {}, parts: {}, said: seen, gate };
}

/**
 * A gate that is only to be told of must not stop a release because it cannot be asked: a login in front, a call that is denied. What
 * stops everything else as well is thrown: credentials that have ended, a lock that somebody else holds.
 */
async function askAtItsLevel(
  shop: GateShop,
  step: Extract<Step, { kind: "gate" }>,
  results: Results,
): Promise<GateResult> {
  const begun = shop.context.clock.now();
  try {
    return await ask(shop, step, results);
  } catch (error) {
    const isWarned = shop.stack.gates.levels[step.gate]?.level === "warn";
    if (!isWarned || !(error instanceof UserError)) throw error;
    if (error.kind !== "refused" || isAwsError(error, "expired")) throw error;
    return {
      gate: step.gate,
      on: step.on,
      cause: {
        id: "gate-not-asked",
        what: `Gate ${step.gate} of ${step.on} could not be asked: ${error.what}`,
        fix: error.fix,
      },
      seen: "it could not be asked",
      evidence: [],
      seconds: (shop.context.clock.now() - begun) / 1000,
      since: null,
    };
  }
}

/** Causes of gates that name what the code does not have: a job, a schedule. */
const namesWhatIsNotThere: ReadonlySet<string> = new Set([
  "expect-missing",
  "canary-missing-job",
  "canary-missing-asset",
  "canary-partition",
]);

/**
 * Why a gate that does not pass is only said, for people; null: it stops the release. Older code cannot have what the stack file of
 * today names, and must not be kept from running by it.
 */
function whyPassedOver({ stack, backTo }: GateShop, name: GateName, { cause }: GateResult): string | null {
  const { level, reason } = stack.gates.levels[name] ?? { level: "on", reason: null };
  if (level === "warn") return `\`gates: levels\` lets it pass${reason === null ? "" : `: ${reason}`}`;
  return backTo !== null && cause !== null && namesWhatIsNotThere.has(cause.id)
    ? `${backTo} is older than what the stack file names`
    : null;
}

/** What fails at a gate that is passed over is a finding, and no more. */
function passedOver(result: GateResult, file: string, why: string | null): GateResult {
  const { cause, seen, findings = [] } = result;
  if (cause === null || why === null) return result;
  const { id, what, fix } = cause;
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
  { dagster, webserver, context, stack, clients, release, handedOver, instigators, jobs, allowsStateLoss }: GateShop,
  step: Extract<Step, { kind: "gate" }>,
  results: Results,
): Promise<GateResult> {
  if (step.gate === "log-scan") return scanLog(stack, clients, context, step);
  if (step.gate === "targets") return lookAtTargets(stack, clients, context, step.on);
  if (step.gate === "security-groups") return lookAtSecurityGroups(stack, clients, context);
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
    case "version":
      return versionGate(dagster, context, {
        location: step.on,
        version: step.version,
        // Who looks at S3 seldom hears of it late.
        timeoutSeconds: gateTimeoutSeconds + step.pollSeconds,
      });
    case "daemon":
      return askGate(
        asker,
        { gate: step.gate, on: step.on, handedOverFrom: handedOver[step.on] ?? null },
        gateTimeoutSeconds,
      );
    case "webserver":
      return askGate(
        asker,
        {
          gate: step.gate,
          on: step.on,
          each: eachWebserver(webserver, clients, stack, step.on),
          version: dagsterOf(stack.services[step.on], release),
        },
        gateTimeoutSeconds,
      );
    case "state":
      return stateGate(dagster, context, {
        location: step.on,
        image: resolveText(step.image, results),
        before: instigators?.[step.on] ?? null,
        jobsBefore: jobs?.[step.on] ?? null,
        allowsLoss: allowsStateLoss,
        restores: stack.gates.restore,
        timeoutSeconds: gateTimeoutSeconds,
      });
    case "expect":
      return expectGate(dagster, context, {
        stack: step.on,
        schedules: step.schedules,
        sensors: step.sensors,
        assets: step.assets,
        firstTick: step.firstTick,
        restores: stack.gates.restore,
        timeoutSeconds: expectSeconds(step),
      });
    case "canary":
      return asFarAsKnown(dagster, context, step, stack.gates.canary?.place ?? stack.file, () =>
        canaryGate(dagster, clients, context, {
          ...step.run,
          location: step.on,
          cluster: stack.contract.cluster,
          holders: holdersOf(stack, step.on),
          image: resolveText(step.image, results),
          tags: { "dagster-ecs/release": release.id, "dagster-ecs/commit": release.source.sha },
          timeoutSeconds: canaryTimeoutSeconds,
        }),
      );
  }
}

/** Version of Dagster in what a service runs, as the release says; null: nothing tells. */
function dagsterOf(service: Service | undefined, release: Workshop["release"]): string | null {
  return service === undefined ? null : (imageOf(release, service)?.dagster ?? null);
}

/** Asks no webserver, but the load balancers that send people to it. */
async function lookAtTargets(
  { services, contract, gates }: Workshop["stack"],
  clients: Workshop["clients"],
  context: Workshop["context"],
  key: string,
): Promise<GateResult> {
  const { service: name, place } = services[key] ?? {};
  if (name === undefined || place === undefined) throw new Error(`service ${key} is not in the stack`);
  const look = async () => (await observeServices(clients.ecs, contract.cluster, [name]))[name];
  return targetsGate(clients, context, {
    service: key,
    groups: (await look())?.targetGroups ?? [],
    tasks: async () => (await look())?.desiredCount ?? 0,
    unread: gates.targetHealth === "required" ? null : place,
    timeoutSeconds: gateTimeoutSeconds,
  });
}

/** Asks no webserver: it reads rules. Services that share their host's network have no groups of their own. */
async function lookAtSecurityGroups(
  { name, file, services, contract, gates }: Workshop["stack"],
  clients: Workshop["clients"],
  context: Workshop["context"],
): Promise<GateResult> {
  const all = Object.values(services);
  const observed = await observeServices(
    clients.ecs,
    contract.cluster,
    all.map(({ service }) => service),
  );
  return securityGroupsGate(clients, context, {
    stack: name,
    place: gates.securityGroups ?? file,
    services: all.flatMap((service) => {
      const { network = null, targetGroups = [] } = observed[service.service] ?? {};
      const port = service.kind === "daemon" ? null : service.port;
      return network === null ? [] : [{ key: service.key, kind: service.kind, port, targetGroups, ...network }];
    }),
    database:
      contract.database === undefined
        ? null
        : { port: contract.database.port, securityGroups: contract.database["security-groups"] ?? [] },
    timeoutSeconds: gateTimeoutSeconds,
  });
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
  const { container } = definition;
  const asked: Finding = { id: "start-up-errors", level, where: place, what: "", fix: "" };
  const [levelled = { ...asked, level: "notice" as const }] = withLevels(
    [asked],
    stack.checks,
    dayOf(context.clock.now()),
  );
  return logScanGate(clients, context, {
    service: on,
    serviceName: service.service,
    cluster: stack.contract.cluster,
    place,
    log: container === null ? null : logOf(definition, logGroup, on, container),
    level: levelled.level,
    isDaemon: service.kind === "daemon",
  });
}

/** As a definition that we make is made of the stack file; or as the one that somebody else has written says. */
function logOf(
  definition: Service["definition"],
  logGroup: string | null,
  key: string,
  container: string,
): (LogStream & { readonly container: string }) | null {
  if (definition.kind !== "generated") return definition.log === null ? null : { ...definition.log, container };
  return logGroup === null ? null : { group: logGroup, prefix: key, container };
}
