import { StopServiceDeploymentCommand } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../aws/ecs.ts";
import { isAwsError } from "../aws/error.ts";
import type { Context } from "../domain/context.ts";
import { type Revision, sameRevision, showRevision, type Verdict } from "../domain/verdict.ts";
import type { DeploymentClients } from "./clients.ts";
import {
  isOptionalCallRefused,
  observeServiceDeployment,
  observeServiceRevisions,
  observeServices,
  type ServiceDeploymentObservation,
} from "./observe.ts";
import { type Changes, present, whereIs } from "./plan.ts";
import { only, roll } from "./roll.ts";
import type { ServiceObservation } from "./service.ts";
import { commonAim, idsOf, updateService } from "./start.ts";
import { type Aim, type Track, track } from "./track.ts";
import { watch } from "./watch.ts";

/** Brings one service back to what it was. */
export interface TakeBackRequest {
  readonly cluster: string;
  readonly service: string;
  /** What it ran before; null when it had run nothing: a first release. */
  readonly to: Revision | null;
  /** Its desired count before. */
  readonly count: number;
  readonly timeoutSeconds: number;
}

/**
 * Takes a service back to its former revision and count, by the shortest way: a rollout in flight is stopped when ECS itself goes
 * back to that revision; one that ECS is taking back already is waited for; any other gets the former revision by an update. What
 * had run nothing is brought to nothing again.
 * @throws UserError, AwsError
 */
export async function takeBack(
  clients: DeploymentClients,
  context: Context,
  request: TakeBackRequest,
): Promise<Verdict> {
  const { cluster, service: name, to, count, timeoutSeconds } = request;
  if (to === null || count === 0) return takeDown(clients, context, request);
  const begun = context.clock.now();
  const service = present(request, (await observeServices(clients.ecs, cluster, [name]))[name] ?? null);
  const returning = await returnByEcs(clients.ecs, { ...request, to }, service, begun);
  if (returning !== null) {
    const verdict = only(await watch(clients, context, [returning]));
    // When ECS finds no way back, or fails on it, there is still our own.
    if (verdict.verdict !== "failed") return verdict;
  }
  const spentSeconds = (context.clock.now() - begun) / 1000;
  const verdict = await roll(clients, context, {
    cluster,
    service: name,
    taskDefinition: showRevision(to),
    desiredCount: count,
    timeoutSeconds: Math.max(0, timeoutSeconds - spentSeconds),
  });
  return { ...verdict, from: returning?.aim.from ?? verdict.from, seconds: verdict.seconds + spentSeconds };
}

/**
 * Gives a service a desired count of 0, and waits until no task is left.
 * @param request `to`: the task definition it is to have when somebody starts it again; null or absent leaves it.
 * @throws UserError, AwsError
 */
export async function takeDown(
  { ecs, logs }: DeploymentClients,
  context: Context,
  request: Omit<TakeBackRequest, "to" | "count"> & { readonly to?: Revision | null },
): Promise<Verdict> {
  const { cluster, service: name, to = null } = request;
  const begun = context.clock.now();
  const before = present(request, (await observeServices(ecs, cluster, [name]))[name] ?? null);
  const changes: Changes = {
    ...(before.desiredCount === 0 ? {} : { desiredCount: 0 }),
    ...(to === null || sameRevision(before.revision, to) ? {} : { taskDefinition: showRevision(to) }),
  };
  const moves = Object.keys(changes).length > 0;
  const after = moves ? await updateService(ecs, request, changes, { idempotent: true }) : before;
  const revision = to ?? after.revision;
  if (revision === null) throw new Error(`ECS names no task definition of service ${name}`);
  const aim: Aim = {
    ...commonAim(request, begun),
    to: revision,
    from: before.revision,
    deploymentId: after.primary?.id ?? null,
    serviceDeploymentArn: null,
    formerServiceDeploymentArn: before.serviceDeploymentArn,
    returning: false,
    before: idsOf(before),
    moves: moves || before.runningCount + before.pendingCount > 0,
    toNothing: true,
    since: begun,
  };
  return only(await watch({ ecs, logs }, context, [track(aim, after, after.events)]));
}

/** Lets ECS go back, when it goes where we want to. @returns null when it does not, or when nothing is in flight. */
async function returnByEcs(
  ecs: EcsSend,
  request: TakeBackRequest & { readonly to: Revision },
  service: ServiceObservation,
  begun: number,
): Promise<Track | null> {
  const { primary, serviceDeploymentArn } = service;
  if (primary === null || primary.state === "COMPLETED" || sameRevision(primary.revision, request.to)) return null;
  if (serviceDeploymentArn === null) return null;
  try {
    const underWay = await observeServiceDeployment(ecs, serviceDeploymentArn);
    if (underWay === null || !(await isWayTo(ecs, request.to, underWay))) return null;
    const counted = service.desiredCount === request.count ? service : await setCount(ecs, request);
    if (underWay.status === "PENDING" || underWay.status === "IN_PROGRESS") await stop(ecs, request, underWay.arn);
    const aim: Aim = {
      ...commonAim(request, begun),
      to: request.to,
      from: primary.revision,
      deploymentId: null,
      serviceDeploymentArn,
      formerServiceDeploymentArn: null,
      returning: true,
      before: idsOf(service),
      moves: true,
      toNothing: false,
      since: primary.createdAt,
    };
    return track(aim, counted, counted.events);
  } catch (error) {
    // It has ended in the meantime, or this job may not stop it: an update leads to the same end.
    if (isOptionalCallRefused(error) || isAwsError(error, "conflict")) return null;
    throw error;
  }
}

/** Is it under way, and would ECS go back from it to this revision? */
async function isWayTo(ecs: EcsSend, to: Revision, underWay: ServiceDeploymentObservation): Promise<boolean> {
  const { status, rollbackRevisionArn, sourceRevisionArns } = underWay;
  if (!["PENDING", "IN_PROGRESS", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"].includes(status)) return false;
  const arns = rollbackRevisionArn === null ? sourceRevisionArns : [rollbackRevisionArn];
  const revisions = await observeServiceRevisions(ecs, arns);
  return arns.length > 0 && arns.every((arn) => sameRevision(revisions[arn]?.revision ?? null, to));
}

async function stop(ecs: EcsSend, request: TakeBackRequest, serviceDeploymentArn: string): Promise<void> {
  // Stopping what goes back already changes nothing.
  const command = new StopServiceDeploymentCommand({ serviceDeploymentArn, stopType: "ROLLBACK" });
  await ecs(command, { resource: whereIs(request), idempotent: true });
}

function setCount(ecs: EcsSend, request: TakeBackRequest): Promise<ServiceObservation> {
  return updateService(ecs, request, { desiredCount: request.count }, { idempotent: true });
}
