import { DescribeTaskDefinitionCommand } from "@aws-sdk/client-ecs";
import { isAwsError } from "../aws/error.ts";
import { type Deployment, observeServices, type ServiceObservation } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { instant } from "../domain/identifiers.ts";
import type { Plan, Undo } from "../domain/plan.ts";
import { type Revision, sameRevision, showRevision } from "../domain/verdict.ts";
import type { Stack } from "../stack/stack.ts";
import { isMadeFor } from "../task-definitions/definition.ts";
import type { Clients } from "./connections.ts";
import { nameIn, type Observation } from "./observation.ts";
import type { Rolling } from "./rolling.ts";
import type { Session } from "./session.ts";

/** A deployment that somebody else has begun, of a service that a plan moves. */
export interface UnderWay {
  /** As people know the service. */
  readonly name: string;
  /** ECS's name of it. */
  readonly service: string;
  readonly deployment: Deployment;
}

/**
 * Deployments under way that this release would replace: of another revision than the one that it brings and the one that is
 * released, and not begun by an unfinished release of the stack.
 */
export function foreignDeployments(
  stack: Pick<Stack, "name" | "environment">,
  { steps, moved, target }: Pick<Plan, "steps" | "moved" | "target">,
  observation: Pick<Observation, "services" | "current" | "definitions">,
): readonly UnderWay[] {
  const moving = new Set(
    steps.flatMap((step) =>
      step.kind === "roll" || step.kind === "stop" || step.kind === "put-back" ? [step.service] : [],
    ),
  );
  return [...moving].flatMap((key): UnderWay[] => {
    const service = observation.services[key] ?? null;
    const deployment = service?.primary ?? null;
    if (service === null || deployment?.state !== "IN_PROGRESS" || service.desiredCount === 0) return [];
    const undo = moved.find((one) => one.service === key)?.undo;
    if (undo !== undefined && isByUnfinished(stack, observation, key, undo, deployment)) return [];
    const known = [target, observation.current].flatMap((release) => release?.taskDefinitions[`service/${key}`] ?? []);
    if (known.some((revision) => sameRevision(revision, deployment.revision))) return [];
    return [{ name: nameIn(observation, key), service: service.name, deployment }];
  });
}

/**
 * Is it a deployment of a release that was cut, or ECS's way back from it? What somebody else brings to a service that one has moved
 * has no tags of this stack.
 */
function isByUnfinished(
  stack: Pick<Stack, "name" | "environment">,
  { definitions }: Pick<Observation, "definitions">,
  key: string,
  undo: Undo,
  { revision }: Deployment,
): boolean {
  const running = definitions[`service/${key}`]?.running ?? null;
  if (running === null || (undo.kind === "roll" && sameRevision(undo.to, revision))) return true;
  return isMadeFor(running, stack);
}

/** Milliseconds from one look to the next. */
const pace = 3_000;

/**
 * What is planned when nobody else is deploying any more to what is to be rolled, or when that is to be replaced: after waiting for
 * others it is planned anew, on what runs then.
 * @throws UserError when they may not be replaced, or do not end in time
 */
export async function undisturbed<Looked extends { readonly plan: Plan; readonly observation: Observation }>(
  context: Context,
  session: Pick<Session, "clients" | "stack" | "unfinished">,
  { inFlight, timeoutSeconds }: Rolling,
  look: () => Promise<Looked>,
): Promise<Looked> {
  let deadline: number | null = null;
  for (;;) {
    const looked = await look();
    deadline ??= context.clock.now() + timeoutSeconds * 1000;
    const foreign = foreignDeployments(session.stack, looked.plan, looked.observation);
    if (foreign.length === 0) return looked;
    // What this release has stopped already waits for the rest of it.
    const choice = hasMoved(session, looked.plan) ? "take-over" : inFlight;
    const { clients, stack } = session;
    if ((await yieldTo(context, clients, stack.contract.cluster, foreign, choice, deadline)) === "go-on") return looked;
  }
}

/**
 * One service, when nobody else is deploying another revision to it any more, or when that is to be replaced.
 * @param to revision that it is to run; null: whatever is under way is somebody else's
 * @returns null when there is no such service
 * @throws UserError when it may not be replaced, or does not end in time
 */
export async function undisturbedService(
  context: Context,
  clients: Pick<Clients, "ecs">,
  { cluster, service: name, to }: { readonly cluster: string; readonly service: string; readonly to: Revision | null },
  { inFlight, timeoutSeconds }: Rolling,
): Promise<ServiceObservation | null> {
  const deadline = context.clock.now() + timeoutSeconds * 1000;
  for (;;) {
    const service = (await observeServices(clients.ecs, cluster, [name]))[name] ?? null;
    const deployment = service?.primary ?? null;
    if (service === null || deployment?.state !== "IN_PROGRESS" || service.desiredCount === 0) return service;
    if (to !== null && sameRevision(to, deployment.revision)) return service;
    const foreign = [{ name, service: name, deployment }];
    if ((await yieldTo(context, clients, cluster, foreign, inFlight, deadline)) === "go-on") return service;
  }
}

/** An earlier step of this very release has moved a service. */
function hasMoved(
  { unfinished }: Pick<Session, "unfinished">,
  { target, moved }: Pick<Plan, "target" | "moved">,
): boolean {
  return moved.length > 0 && unfinished.some(({ intent }) => intent.release.id === target.id);
}

/** @param deadline in milliseconds since 1970 */
async function yieldTo(
  context: Context,
  clients: Pick<Clients, "ecs">,
  cluster: string,
  foreign: readonly UnderWay[],
  choice: Rolling["inFlight"],
  deadline: number,
): Promise<"go-on" | "look-again"> {
  switch (choice) {
    case "take-over":
      for (const one of foreign) {
        context.report({ kind: "line", text: `${one.name}  ${shown(one)} is under way: it is replaced` });
      }
      return "go-on";
    case "fail":
      throw refusal(cluster, foreign, await registrars(clients, foreign), "Nobody is waited for");
    case "wait":
      await settledOthers(context, clients, cluster, foreign, deadline);
      return "look-again";
  }
}

async function settledOthers(
  { clock, signal, report }: Context,
  clients: Pick<Clients, "ecs">,
  cluster: string,
  foreign: readonly UnderWay[],
  deadline: number,
): Promise<void> {
  for (const one of foreign)
    report({ kind: "line", text: `${one.name}  ${shown(one)} is under way: it is waited for` });
  const begun = clock.now();
  let left = foreign;
  for (;;) {
    if (clock.now() >= deadline) {
      const seconds = Math.round((clock.now() - begun) / 1000);
      throw refusal(cluster, left, await registrars(clients, left), `It was waited for ${seconds} s`);
    }
    await clock.sleep(pace, signal);
    const now = await observeServices(
      clients.ecs,
      cluster,
      left.map(({ service }) => service),
    );
    const still = left.filter(({ service }) => now[service]?.primary?.state === "IN_PROGRESS");
    for (const { name } of left.filter((one) => !still.includes(one))) {
      report({ kind: "line", text: `${name}  the other deployment is over` });
    }
    if (still.length === 0) return;
    left = still;
  }
}

/** Who registered what is rolled out, by the name of the service: mostly whoever rolls it out. CloudTrail knows for certain. */
async function registrars(
  { ecs }: Pick<Clients, "ecs">,
  foreign: readonly UnderWay[],
): Promise<Readonly<Record<string, string>>> {
  const found = await Promise.all(
    foreign.map(async ({ name, deployment: { revision } }): Promise<readonly (readonly [string, string])[]> => {
      if (revision === null) return [];
      try {
        const { taskDefinition } = await ecs(
          new DescribeTaskDefinitionCommand({ taskDefinition: showRevision(revision) }),
        );
        return taskDefinition?.registeredBy === undefined ? [] : [[name, taskDefinition.registeredBy]];
      } catch (error) {
        if (!isAwsError(error)) throw error;
        return [];
      }
    }),
  );
  return Object.fromEntries(found.flat());
}

function refusal(
  cluster: string,
  foreign: readonly UnderWay[],
  by: Readonly<Record<string, string>>,
  why: string,
): UserError {
  const lines = foreign.map((one) => {
    const who = by[one.name];
    return `${one.name}: ${shown(one)}${who === undefined ? "" : `; its task definition was registered by ${who}`}`;
  });
  return new UserError({
    what: `Somebody else is deploying to what is to be rolled. ${lines.join(". ")}. ${why}, and no service was changed.`,
    where: `${foreign.map(({ service }) => `service ${service}`).join(", ")} in cluster ${cluster}`,
    fix: "Let it end, and deploy again; CloudTrail records UpdateService with its caller. `in-flight: wait` waits for it, `in-flight: take-over` replaces it.",
  });
}

function shown({ deployment }: UnderWay): string {
  const { id, revision, createdAt, runningCount, desiredCount } = deployment;
  const what = revision === null ? id : `${showRevision(revision)} (${id})`;
  return `deployment ${what}, begun ${instant(createdAt)}, ${runningCount} of ${desiredCount} running`;
}
