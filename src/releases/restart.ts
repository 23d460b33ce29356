import { asksForTargets } from "./target-health.ts";
import { guarded } from "../aws/send.ts";
import { roll, type ServiceObservation } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import type { Question } from "../domain/plan.ts";
import { type Revision, showRevision, type Verdict } from "../domain/verdict.ts";
import type { Service } from "../stack/stack.ts";
import { withLevels } from "../stack/index.ts";
import { containerIn, containersOf, existingLive } from "../task-definitions/existing.ts";
import { definitionOf } from "../task-definitions/observe.ts";
import type { Connections } from "./connections.ts";
import { mayOverlap } from "./drift.ts";
import { withNames } from "./existing.ts";
import { dayOf } from "./checks.ts";
import { holdsRuns, isRunningHolder, locationsServedBy, runsNotAwaited } from "./hosts.ts";
import { type HeldLock, mayTakeLock, takeLock } from "./lock.ts";
import { isAskable } from "./observation.ts";
import { noteInstigators } from "./observe/instigators.ts";
import { observeServicesByKey } from "./observe/services.ts";
import type { Rolling } from "./rolling.ts";
import { openSession, type Session, type SessionRequest, settled } from "./session.ts";
import { awaitRuns } from "./steps/drain.ts";
import { type GateShop, passGate } from "./steps/gate.ts";
import { doneOf } from "./steps/service.ts";

/** A service that is to have new tasks of what it runs. */
export interface RestartRequest extends SessionRequest {
  /** Its key, or ECS's name of it. */
  readonly service: string;
  readonly rolling: Pick<Rolling, "failEarly" | "timeoutSeconds">;
  /** Only says what would be done. */
  readonly dryRun: boolean;
}

/** What was done, or would be. */
export interface Restarted {
  /** Its key. */
  readonly service: string;
  readonly revision: Revision;
  /** How many tasks it is to have. */
  readonly count: number;
  /** null: it was only looked at. */
  readonly verdict: Verdict | null;
  /** The gates behind it, each with what it saw; null: not asked. */
  readonly gates: readonly { readonly gate: string; readonly on: string; readonly seen: string | null }[];
}

/**
 * Replaces the tasks of a service by new ones of the same revision: secrets are read when a task starts. Under the lock, and behind the
 * gates of a release; the release that is current stays what it is, so nothing is recorded.
 * @throws StepFailed when it, or a gate, fails: there is nothing to go back to; UserError when nothing was begun; AwsError
 */
export async function restart(context: Context, connections: Connections, request: RestartRequest): Promise<Restarted> {
  const session = await openSession(context, connections, request);
  const planned = await look(context, session, request);
  const tell = ({ findings }: Planned): void =>
    findings.forEach((finding) => context.report({ kind: "finding", finding }));
  tell(planned);
  if (request.dryRun) return { ...saidOf(planned), verdict: null };
  await mayTakeLock(session.records, session.lock, request);
  const lock = await takeLock(session.records, context, request);
  try {
    const now = await settled(session, lock);
    const again = await look(context, now, request);
    if (planned.findings.length === 0) tell(again);
    return await carryOut(context, now, lock, request, again);
  } finally {
    await lock.giveBack();
    await session.webserver.close();
  }
}

/** For people. */
export function wordsOfRestart({ service, revision, count, verdict, gates }: Restarted): readonly string[] {
  const tasks = `${count} task${count === 1 ? "" : "s"} of ${showRevision(revision)}`;
  return [
    verdict === null
      ? `${service} would get ${tasks} anew, behind these gates:`
      : `${service} has ${tasks} anew: ${verdict.verdict} in ${Math.round(verdict.seconds)} s`,
    ...gates.map(({ gate, on, seen }) => `  gate ${gate} of ${on}${seen === null ? "" : `: ${seen}`}`),
  ];
}

interface Planned {
  readonly service: Service;
  readonly observed: ServiceObservation;
  readonly revision: Revision;
  readonly stack: Session["stack"];
  readonly questions: readonly Question[];
  /** Runs that live in it are waited for so long, in minutes; null: none do. */
  readonly drainMinutes: number | null;
  /** A webserver runs, and has an address. */
  readonly askable: boolean;
  /** None of them an error. */
  readonly findings: readonly Finding[];
}

async function look(context: Context, session: Session, { service: name }: RestartRequest): Promise<Planned> {
  const { clients, unfinished, currentRelease } = session;
  const { services, file } = session.stack;
  const service = Object.values(services).find((one) => one.key === name || one.service === name);
  if (service === undefined) {
    throw new UserError({
      what: `The stack has no service ${JSON.stringify(name.slice(0, 100))}.`,
      where: file,
      fix: `Name one of ${Object.keys(services).join(", ")}.`,
    });
  }
  const [left] = unfinished;
  if (left !== undefined) {
    throw new UserError({
      what: `Release ${left.intent.release.id} has not come to its end: what ${service.key} is to run is not certain.`,
      where: `stack ${session.stack.name}, ${session.stack.environment}`,
      fix: "Run `command: deploy`, or go back with `command: rollback`: either goes on from there, and starts new tasks.",
    });
  }
  if (currentRelease === null) throw nothingReleased(session.stack);
  const all = await observeServicesByKey(clients, session.stack, session);
  const observed = all[service.key] ?? null;
  const revision = observed?.revision ?? null;
  if (observed === null || revision === null || observed.desiredCount === 0) {
    throw new UserError({
      what: `Service ${service.service} runs nothing that could be restarted.`,
      where: `cluster ${session.stack.contract.cluster}`,
      fix: "Release it: `command: deploy`.",
    });
  }
  if (service.kind === "daemon" && mayOverlap(observed)) {
    const { minimumHealthyPercent: minimum, maximumPercent: maximum } = observed.rollout;
    throw new UserError({
      what: `Service ${service.service} would run two daemons at once while it is replaced (percentages ${minimum}/${maximum}): both start runs, and schedules tick twice.`,
      where: service.place,
      fix: "Set minimumHealthyPercent 0 and maximumPercent 100 on the service.",
    });
  }
  const content = (await definitionOf(clients.ecs, revision))?.content ?? null;
  const definition = `service/${service.key}`;
  const existing = content === null ? {} : { [definition]: existingLive(content, showRevision(revision)) };
  const stack = withNames(session.stack, { existing, definitions: {}, services: all });
  const named = stack.services[service.key] ?? service;
  const container = named.definition.container ?? (content === null ? undefined : containersOf(content)[0]);
  const image = container === undefined || content === null ? null : containerIn(content, container)?.["image"];
  const { dagster } = session.webserver;
  const askable = dagster !== null && (service.kind === "webserver" || isAskable(stack, { services: all }));
  if (!askable) {
    context.report({ kind: "line", text: "no webserver can be asked: gates that ask Dagster are left out" });
  }
  const { runs, gates } = stack;
  const ended = !askable && isRunningHolder(stack, { services: all }, service.key) ? [service.key] : [];
  const findings = withLevels(runsNotAwaited(stack, ended, "restart"), stack.checks, dayOf(context.clock.now()));
  const refused = findings.find(({ level }) => level === "error");
  if (refused !== undefined) throw new UserError(refused);
  return {
    service: named,
    observed,
    revision,
    stack,
    questions: questionsOf(
      named,
      stack,
      askable ? (typeof image === "string" ? image : null) : null,
      observed,
      askable,
    ).filter(({ gate }) => gates.levels[gate]?.level !== "off"),
    drainMinutes: runs.kind === "in-process" && holdsRuns(stack, service) && askable ? runs.drainMinutes : null,
    askable,
    findings,
  };
}

/** As a release asks, of one service. @param image that serves or loads its locations; null: it is not known, or nobody can be asked */
function questionsOf(
  service: Service,
  { gates }: Session["stack"],
  image: string | null,
  observed: ServiceObservation,
  askable: boolean,
): readonly Question[] {
  const { key, kind } = service;
  const ofLocations = locationsServedBy(service).flatMap((on): readonly Question[] => {
    if (image === null || kind === "daemon") return [];
    const served: Question =
      kind === "webserver" ? { gate: "loaded", on, image } : { gate: "location", on, image, again: false };
    return [served, { gate: "state", on, image }];
  });
  const ofHost: readonly Question[] = kind === "code-location" || !askable ? [] : [{ gate: kind, on: key }];
  const { level } = gates.logScan;
  return [
    ...ofHost,
    ...ofLocations,
    ...(asksForTargets(gates, observed) ? [{ gate: "targets", on: key } as const] : []),
    ...(kind === "webserver" || level === "off" ? [] : [{ gate: "log-scan", on: key, level } as const]),
  ];
}

async function carryOut(
  context: Context,
  session: Session,
  lock: HeldLock,
  { rolling }: RestartRequest,
  planned: Planned,
): Promise<Restarted> {
  const { service, revision, stack, questions, drainMinutes, askable } = planned;
  const { currentRelease, webserver } = session;
  if (currentRelease === null) throw nothingReleased(stack);
  const dagster = askable ? webserver.dagster : null;
  const clients = { ...session.clients, ecs: guarded(session.clients.ecs, () => lock.check()) };
  const { locations: instigators, jobs } = await noteInstigators(dagster, context, session);
  const shop: GateShop = {
    dagster,
    webserver,
    context,
    stack,
    clients,
    release: currentRelease,
    handedOver: {},
    instigators,
    jobs,
    allowsStateLoss: false,
    backTo: null,
  };
  const step = { part: "rollout", after: [], reason: "", undo: { kind: "none", why: "" } } as const;
  if (drainMinutes !== null) {
    context.report({ kind: "stage", title: `Waiting for runs in ${service.key}` });
    const drain = { ...step, id: "drain", kind: "drain", holders: [service.key], minutes: drainMinutes } as const;
    await awaitRuns({ dagster, context }, drain);
  }
  context.report({ kind: "stage", title: `Restarting ${service.key}` });
  const verdict = await roll(clients, context, {
    cluster: stack.contract.cluster,
    service: service.service,
    taskDefinition: showRevision(revision),
    desiredCount: null,
    timeoutSeconds: rolling.timeoutSeconds,
    failEarly: rolling.failEarly,
    from: revision,
    anew: true,
  });
  doneOf(verdict);
  const gates: Restarted["gates"][number][] = [];
  for (const question of questions) {
    const { gate, on } = question;
    context.report({ kind: "stage", title: `gate ${gate} of ${on}` });
    const { said } = await passGate(shop, { ...step, id: `gate/${gate}/${on}`, kind: "gate", ...question }, {});
    gates.push({ gate, on, seen: said });
  }
  return { ...saidOf(planned), verdict, gates };
}

function saidOf({ service, revision, observed, questions }: Planned): Omit<Restarted, "verdict"> {
  const gates = questions.map(({ gate, on }) => ({ gate, on, seen: null }));
  return { service: service.key, revision, count: observed.desiredCount, gates };
}

function nothingReleased({ name, environment }: Session["stack"]): UserError {
  return new UserError({
    what: "Nothing is released yet: what runs was started by somebody else.",
    where: `stack ${name}, ${environment}`,
    fix: "Release it first: `command: deploy`.",
  });
}
