import { nameOf } from "../aws/arn.ts";
import { DagsterUnreachable } from "../dagster/client.ts";
import { runStories, taskOfRun } from "../dagster/run-story.ts";
import type { Context } from "../domain/context.ts";
import { messageOf, UserError } from "../domain/errors.ts";
import { showRevision } from "../domain/verdict.ts";
import type { Service } from "../stack/stack.ts";
import { containerIn, containersOf, logIn } from "../task-definitions/existing.ts";
import { definitionOf } from "../task-definitions/observe.ts";
import { followLogs, type LogLine, type LogSource, type LogWish, readLogs } from "../tasks/read-logs.ts";
import type { Connections } from "./connections.ts";
import { locationsServedBy, runOf, usedRuns } from "./hosts.ts";
import { observeServicesByKey } from "./observe/services.ts";
import { openSession, type Session, type SessionRequest } from "./session.ts";

/** Whose lines, and since when. */
export interface LogsRequest extends SessionRequest {
  /** Key or name of a service, a location, `runs`, or the id of a run; null: all services and all runs. */
  readonly of: string | null;
  /** null: as it is usual for what is asked. */
  readonly sinceSeconds: number | null;
  /** Goes on with what is written from now on. */
  readonly follow: boolean;
}

/** Seconds. */
const usualSince = 600;
/** Of a run of which nobody says when it began; seconds. */
const longestRun = 86_400;
/** Between the making of a run and what is asked for of it, for clocks that differ; milliseconds. */
const earlier = 60_000;

/** A run's id, as Dagster makes them. */
export const runIdPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Lines of a stack's services and runs, oldest first. Reads, and changes nothing.
 * @throws UserError when there is nothing of that name; AwsError
 */
export async function* logsOf(
  context: Context,
  connections: Connections,
  request: LogsRequest,
): AsyncGenerator<LogLine> {
  const session = await openSession(context, connections, request);
  const { clients } = session;
  const { sources, wish } = await wanted(context, session, request);
  const since = wish.since ?? context.clock.now() - (request.sinceSeconds ?? usualSince) * 1000;
  const lines = request.follow ? followLogs : readLogs;
  yield* lines(clients.logs, context, sources, { ...wish, since });
}

/** A line, for people: when, whose, and what stands before each of its lines. */
export function whoseLine({ source, taskId, at }: Pick<LogLine, "source" | "taskId" | "at">): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z ${source} ${taskId.slice(0, 8)}`;
}

interface Wanted {
  readonly sources: readonly LogSource[];
  readonly wish: Omit<LogWish, "since"> & { readonly since: number | null };
}

async function wanted(context: Context, session: Session, { of, sinceSeconds }: LogsRequest): Promise<Wanted> {
  const all = { since: null, taskId: null, containing: null };
  const { services } = session.stack;
  const every = Object.values(services);
  if (of === null) {
    return {
      sources: [...(await ofServices(context, session, every)), ...(await ofRuns(context, session, null))],
      wish: all,
    };
  }
  if (of === "runs") return { sources: await ofRuns(context, session, null), wish: all };
  const isLocation = every.some((service) => locationsServedBy(service).includes(of));
  const named = every.filter(
    (service) => service.key === of || service.service === of || locationsServedBy(service).includes(of),
  );
  if (named.length > 0) {
    const runs = isLocation ? await ofRuns(context, session, of) : [];
    return { sources: [...(await ofServices(context, session, named)), ...runs], wish: all };
  }
  if (runIdPattern.test(of)) return ofRun(context, session, of, sinceSeconds);
  throw unknown(session, of);
}

/** By its task where Dagster says it; else whatever line names the run: each of Dagster's own does. */
async function ofRun(context: Context, session: Session, id: string, sinceSeconds: number | null): Promise<Wanted> {
  const { stack, webserver } = session;
  const sources = [
    ...(await ofRuns(context, session, null)),
    ...(await ofServices(context, session, Object.values(stack.services))),
  ];
  const asked = await webserver.forPlan?.ask(runStories, { filter: { runIds: [id] }, limit: 1 }).catch((error) => {
    if (!(error instanceof UserError || error instanceof DagsterUnreachable)) throw error;
    const why = messageOf(error);
    context.report({ kind: "line", text: `Dagster is not asked for the run, so logs are searched for its id: ${why}` });
  });
  const results = asked !== undefined && "results" in asked.runsOrError ? asked.runsOrError.results : null;
  const [run] = results ?? [];
  const given = sinceSeconds === null ? null : context.clock.now() - sinceSeconds * 1000;
  if (results !== null && run === undefined) {
    throw new UserError({
      what: `Dagster has no run ${id}.`,
      where: `stack ${stack.name}, ${stack.environment}`,
      fix: "Take the id from the address of the run's page; another environment has runs of its own: `--environment`.",
    });
  }
  const task = run === undefined ? null : taskOfRun(run);
  const since =
    given ?? (run === undefined ? context.clock.now() - longestRun * 1000 : run.creationTime * 1000 - earlier);
  if (task !== null) return { sources, wish: { since, taskId: nameOf(task), containing: null } };
  return { sources, wish: { since, taskId: null, containing: id } };
}

/** Where services write that run something. */
async function ofServices(
  context: Context,
  { clients, stack }: Session,
  services: readonly Service[],
): Promise<readonly LogSource[]> {
  const observed = await observeServicesByKey(clients, stack, { unfinished: [] });
  const sources = services.map(async ({ key, service }) => {
    const revision = observed[key]?.revision ?? null;
    if (revision !== null) return ofDefinition(context, clients, key, revision);
    context.report({ kind: "line", text: `ECS service ${service} runs nothing: there is no log of ${key}` });
    return [];
  });
  return (await Promise.all(sources)).flat();
}

/** Where runs write that are tasks of their own. @param location null: of all */
async function ofRuns(
  context: Context,
  { clients, stack, currentRelease }: Session,
  location: string | null,
): Promise<readonly LogSource[]> {
  const runs = location === null ? usedRuns(stack) : [runOf(stack, location)].filter((run) => run !== null);
  const sources = runs.map(async ({ key, location: of }) => {
    const revision = currentRelease?.taskDefinitions[`run/${key}`];
    if (revision !== undefined) return ofDefinition(context, clients, `run/${of}`, revision);
    context.report({
      kind: "line",
      text: `no release has a definition for runs of ${of}: where they write is not known`,
    });
    return [];
  });
  return (await Promise.all(sources)).flat();
}

async function ofDefinition(
  { report }: Context,
  { ecs }: Session["clients"],
  name: string,
  revision: Parameters<typeof definitionOf>[1],
): Promise<readonly LogSource[]> {
  const content = (await definitionOf(ecs, revision))?.content ?? null;
  const containers = content === null ? [] : containersOf(content);
  return containers.flatMap((container) => {
    const log = content === null ? null : logIn(containerIn(content, container));
    const source = containers.length === 1 ? name : `${name}/${container}`;
    if (log !== null) return [{ name: source, container, ...log }];
    const where = `container ${container} of ${showRevision(revision)}`;
    report({ kind: "line", text: `${source} has no log that can be read: ${where} does not write by awslogs` });
    return [];
  });
}

function unknown({ stack }: Session, of: string): UserError {
  const locations = Object.values(stack.services).flatMap(locationsServedBy);
  const names = [...new Set([...Object.keys(stack.services), ...locations, "runs"])];
  return new UserError({
    what: `Nothing is called ${JSON.stringify(of.slice(0, 100))} here.`,
    where: stack.file,
    fix: `Give one of ${names.join(", ")}, or the whole id of a run, as the address of its page has it.`,
  });
}
