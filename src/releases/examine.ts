import type { Context } from "../domain/context.ts";
import { messageOf, UserError } from "../domain/errors.ts";
import { DagsterOutOfReach, DagsterUnreachable } from "../dagster/client.ts";
import type { ServiceObservation } from "../deployments/index.ts";
import { serverInfo } from "../gates/webserver.ts";
import { unaddressed } from "./addresses.ts";
import type { Connections } from "./connections.ts";
import { observeServicesByKey } from "./observe/services.ts";
import { openSession, type Session, type SessionRequest } from "./session.ts";
import { webserversOf } from "./webserver.ts";

/** Something that a release needs, and whether it is there. */
export interface Examined {
  readonly what: string;
  /** What was seen; what went wrong, where and how to mend it, when it is not good. */
  readonly seen: string;
  readonly isGood: boolean;
}

/**
 * Looks whether a stack can be worked with from here: each thing by itself, what can be asked only after another is good only then.
 * Reads, and changes nothing.
 */
export async function examine(
  context: Context,
  connections: Connections,
  request: SessionRequest,
): Promise<readonly Examined[]> {
  const found: Examined[] = [];
  const look = async <T>(what: string, ask: () => Promise<T>, say: (answer: T) => string): Promise<T | null> => {
    try {
      const answer = await ask();
      found.push({ what, seen: say(answer), isGood: true });
      return answer;
    } catch (error) {
      const isTold = error instanceof UserError || error instanceof DagsterUnreachable;
      if (context.signal.aborted || !isTold) throw error;
      const fix = error instanceof DagsterOutOfReach ? `\nfix: ${error.fix}` : "";
      found.push({ what, seen: `${messageOf(error)}${fix}`, isGood: false });
      return null;
    }
  };
  const session = await look(
    "stack file, credentials, contract and records",
    () => openSession(context, connections, request),
    ({ stack, currentRelease }) =>
      `${stack.name} in account ${stack.account}, ${stack.region}; ${currentRelease === null ? "nothing is released yet" : `release ${currentRelease.id} is current`}`,
  );
  if (session === null) return found;
  const services = await look(
    "services",
    () => existing(session),
    (all) => all.map(({ name }) => name).join(", "),
  );
  await look(
    "webserver",
    () => webserverOf(session, services ?? []),
    (seen) => seen,
  );
  return found;
}

/** @throws UserError when one does not exist */
async function existing(session: Session): Promise<readonly ServiceObservation[]> {
  const { clients, stack } = session;
  const services = await observeServicesByKey(clients, stack, session);
  const missing = Object.values(stack.services).filter(({ key }) => services[key] === null);
  if (missing.length === 0) return Object.values(stack.services).flatMap(({ key }) => services[key] ?? []);
  throw new UserError({
    what: `In ECS there is no service ${missing.map(({ service }) => service).join(", ")}.`,
    where: `cluster ${stack.contract.cluster}`,
    fix: "Create them with the infrastructure; or name them as they are called in ECS, in the stack file or in the contract.",
  });
}

/** @throws UserError when nobody knows where it is, or something else is there; DagsterUnreachable */
async function webserverOf(session: Session, services: readonly ServiceObservation[]): Promise<string> {
  const { webserver, stack } = session;
  if (webserver.isInside || stack.gates.auth !== null) return "not asked from here: a release asks it";
  try {
    return await answerOf(session);
  } catch (error) {
    if (!(error instanceof DagsterUnreachable) || !isYetToStart(session, services)) throw error;
    const reach = error instanceof DagsterOutOfReach ? `, and must be reached from here then. ${error.fix}` : "";
    return `not started yet: the first deploy starts it${reach}`;
  }
}

/** Nothing is released, and ECS is to run no task of any webserver. */
function isYetToStart({ currentRelease, stack }: Session, services: readonly ServiceObservation[]): boolean {
  const webservers = webserversOf(stack).map(({ service }) => service);
  const counts = services.filter(({ name }) => webservers.includes(name)).map(({ desiredCount }) => desiredCount);
  return currentRelease === null && counts.length > 0 && counts.every((count) => count === 0);
}

/** @throws as `webserverOf` does */
async function answerOf({ webserver, stack }: Session): Promise<string> {
  if (webserver.dagster !== null) {
    const info = serverInfo.safeParse(await webserver.dagster.serverInfo());
    if (info.success) return `Dagster ${info.data.dagster_webserver_version} answers`;
    throw new UserError({
      what: "What answers at the webserver's address is not Dagster's webserver.",
      where: stack.file,
      fix: "Check the `url` of the webserver in the contract: a login page, or another program, may be there.",
    });
  }
  throw unaddressed(stack.file);
}

/** For people: a line each, good or not. */
export function wordsOfExamined(found: readonly Examined[]): readonly string[] {
  return found.map(({ what, seen, isGood }) => `${isGood ? "good" : "NOT GOOD"}: ${what}: ${seen}`);
}
