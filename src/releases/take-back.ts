import { isAwsError } from "../aws/error.ts";
import type { EcsSend } from "../aws/ecs.ts";
import { guarded } from "../aws/send.ts";
import type { Dagster } from "../dagster/client.ts";
import { type Digests, observeServices, takeBack } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import { messageOf } from "../domain/errors.ts";
import type { GateName, Undo } from "../domain/plan.ts";
import { isGood, type Revision, sameRevision, type Verdict } from "../domain/verdict.ts";
import type { GateResult } from "../gates/gate.ts";
import type { Service } from "../stack/stack.ts";
import { askGate, type Asker } from "./ask-gate.ts";
import type { HeldLock } from "./lock.ts";
import { isLost } from "./lock.ts";
import { nameIn, type Observation, successorOf } from "./observation.ts";
import type { Rolling } from "./rolling.ts";
import type { Session } from "./session.ts";
import { gateTimeoutSeconds, rollTimeoutSeconds } from "./time-outs.ts";

/** How one service was taken back. */
export interface TakenBack {
  /** Its key. */
  readonly service: string;
  /** As people know it. */
  readonly name: string;
  /** Tasks that it ran before; null: something scales it. */
  readonly count: number | null;
  /** null: it could not be tried; `why` says it. */
  readonly verdict: Verdict | null;
  /** null: it is as it was before. */
  readonly why: string | null;
}

/** A service that has to go back. */
export interface Moved {
  /** Its key. */
  readonly service: string;
  readonly undo: Undo;
  /** What this release has brought it to; null when that is not known. */
  readonly ours: Revision | null;
}

/** A location was served before. A host has the time of its gate: a daemon takes a while until the first heartbeat. */
const locationTimeoutSeconds = 60;

/**
 * Takes services back in the order given, each to what it was before; then each is asked, as its own gate does, whether it is. One
 * that cannot be taken back does not keep the others from it, but for what it replaces; unless nothing can be written any more: the
 * lock is lost, or the session of this job is over.
 */
export async function takeAllBack(
  context: Context,
  session: Session,
  lock: HeldLock,
  before: Observation,
  moved: readonly Moved[],
  dagster: Dagster | null,
  rolling: Pick<Rolling, "timeoutSeconds">,
): Promise<readonly TakenBack[]> {
  const clients = { ...session.clients, ecs: guarded(session.clients.ecs, () => lock.check()) };
  const results: TakenBack[] = [];
  let barred: string | null = null;
  for (const { service, undo, ours } of moved) {
    const name = nameIn(before, service);
    const { digests = {} } = before.before[service] ?? {};
    const former = formerDeployment(before, service, undo);
    if (undo.kind === "none") {
      results.push({ service, name, count: null, verdict: null, why: undo.why });
      continue;
    }
    try {
      const why = barred ?? successorStays(service, results);
      results.push(
        why !== null
          ? { service, name, count: undo.count, verdict: null, why }
          : {
              service,
              name,
              ...(await takeOneBack(context, { ...session, clients }, undo, { ours, digests, former }, rolling)),
            },
      );
    } catch (error) {
      barred = barredBy(error);
      const isThere = context.signal.aborted && (await isAsBefore(session, undo));
      const why = isAwsError(error, "expired") ? error.what : messageOf(error);
      results.push({ service, name, count: undo.count, verdict: null, why: isThere ? null : why });
    }
  }
  return askAll(context, { ...session, clients }, before, results, dagster);
}

/**
 * Id of the deployment that a service goes back to, as it was seen before anything moved. Where an earlier release was cut, what was seen
 * is that one's: then an old answer that shows what ran before it would look like a way back that ECS has gone.
 */
export function formerDeployment(
  { services }: Pick<Observation, "services">,
  service: string,
  undo: Undo,
): string | undefined {
  const primary = services[service]?.primary ?? null;
  const isGoneBackTo = undo.kind === "roll" && undo.to !== null && sameRevision(primary?.revision ?? null, undo.to);
  return isGoneBackTo ? primary?.id : undefined;
}

/** Why nothing more can be written; null: it can. */
function barredBy(error: unknown): string | null {
  if (isLost(error)) return "somebody else may write to the stack now";
  return isAwsError(error, "expired") ? "the AWS session of this job is over" : null;
}

/** What was replaced and what took its place never run at once, come what may. */
function successorStays(key: string, results: readonly TakenBack[]): string | null {
  const successor = successorOf(key);
  const back = results.find(({ service }) => service === successor);
  return back === undefined || back.why === null ? null : `${back.service} could not be taken back, and may run still`;
}

async function takeOneBack(
  context: Context,
  { clients, stack }: Session,
  { service, to, count }: Extract<Undo, { kind: "roll" }>,
  { ours, digests, former }: Pick<Moved, "ours"> & { readonly digests: Digests; readonly former: string | undefined },
  { timeoutSeconds }: Pick<Rolling, "timeoutSeconds">,
): Promise<Pick<TakenBack, "count" | "verdict" | "why">> {
  const request = {
    cluster: stack.contract.cluster,
    service,
    to,
    count,
    digests,
    // A short time-out of what failed is none for going back.
    timeoutSeconds: Math.max(timeoutSeconds, rollTimeoutSeconds),
    ...(ours === null ? {} : { ours }),
    ...(former === undefined ? {} : { former }),
  };
  const verdict = await takeBack(clients, context, request);
  const why = isGood(verdict.verdict) ? null : (verdict.cause?.what ?? `it ended as ${verdict.verdict}`);
  return { count, verdict, why };
}

/** Milliseconds of the ten seconds between the first signal and the end that one last look may take. */
const lastLook = 3_000;

/** Whoever is cancelled while a service goes back may find it there already: ECS goes back by itself. */
async function isAsBefore(
  { clients, stack }: Pick<Session, "clients" | "stack">,
  { service, to, count }: Extract<Undo, { kind: "roll" }>,
): Promise<boolean> {
  const ecs: EcsSend = (command, options) =>
    clients.ecs(command, { ...options, signal: AbortSignal.timeout(lastLook) });
  try {
    const seen = (await observeServices(ecs, stack.contract.cluster, [service]))[service] ?? null;
    if (seen === null || seen.others.length > 0) return false;
    const runs = seen.runningCount === seen.desiredCount && seen.pendingCount === 0;
    const isCount = count === null || seen.desiredCount === count;
    return isCount && runs && (count === 0 || (sameRevision(seen.revision, to) && seen.primary?.state === "COMPLETED"));
  } catch {
    return false; // then it is not known, and that is what is said
  }
}

/** Who answers for a kind of service. Nobody answers for anything before the webserver does. */
const order: readonly Service["kind"][] = ["webserver", "code-location", "daemon"];

/** Asks those that were taken back to run something, when there is a webserver again. @returns the same, in the same order */
async function askAll(
  context: Context,
  session: Session,
  before: Observation,
  takenBack: readonly TakenBack[],
  dagster: Dagster | null,
): Promise<readonly TakenBack[]> {
  const services = Object.values(session.stack.services);
  const answers = services.some(({ kind, key }) => kind === "webserver" && (before.before[key]?.desiredCount ?? 0) > 0);
  if (dagster === null || !answers) return takenBack;
  const asker = { dagster, context, stack: session.stack, clients: session.clients };
  const whys = new Map(takenBack.map(({ service, why }) => [service, why]));
  for (const service of order.flatMap((kind) => services.filter((one) => one.kind === kind))) {
    const back = takenBack.find((one) => one.service === service.key);
    if (back === undefined || back.why !== null || back.count === 0) continue;
    if (context.signal.aborted) {
      context.report({
        kind: "line",
        text: `${back.name} is as it was; cancelled before it was asked whether it answers`,
      });
      continue;
    }
    try {
      whys.set(service.key, (await ask(asker, before, service))?.cause?.what ?? null);
    } catch (error) {
      whys.set(service.key, messageOf(error));
    }
  }
  return takenBack.map((back) => ({ ...back, why: whys.get(back.service) ?? null }));
}

/**
 * @returns null when there is nothing to ask for: it is not known which image a location was served from, or the stack file says
 * that the release does not depend on the answer
 */
async function ask(asker: Asker, before: Observation, service: Service): Promise<GateResult | null> {
  const { key } = service;
  const isDecisive = (gate: GateName): boolean => (asker.stack.gates.levels[gate]?.level ?? "on") === "on";
  if (!isDecisive(service.kind === "code-location" ? "location" : service.kind)) return null;
  switch (service.kind) {
    case "webserver": {
      const gate = await askGate(asker, { gate: "webserver", on: key, each: null, version: null }, gateTimeoutSeconds);
      const image = servedImage(before, key);
      if (gate.cause !== null || image === null || !isDecisive("loaded")) return gate;
      const loaded = await Promise.all(
        service.locations.map((on) => askGate(asker, { gate: "loaded", on, image }, locationTimeoutSeconds)),
      );
      return loaded.find(({ cause }) => cause !== null) ?? gate;
    }
    case "daemon":
      return askGate(asker, { gate: "daemon", on: key, handedOverFrom: null }, gateTimeoutSeconds);
    case "code-location": {
      const image = servedImage(before, key);
      if (image === null) return null;
      return askGate(asker, { gate: "location", on: service.location, image }, locationTimeoutSeconds);
    }
  }
}

/** What a process that loads code tells of its image, by the definition that it ran on. */
export function servedImage({ definitions }: Pick<Observation, "definitions">, key: string): string | null {
  const { former, running } = definitions[`service/${key}`] ?? {};
  const content = (former ?? running)?.content as
    | {
        readonly containerDefinitions?: readonly {
          readonly environment?: readonly { readonly name: string; readonly value: string }[];
        }[];
      }
    | undefined;
  const variables = content?.containerDefinitions?.flatMap(({ environment }) => environment ?? []) ?? [];
  return variables.find(({ name }) => name === "DAGSTER_CURRENT_IMAGE")?.value ?? null;
}
