import { deploymentsPage } from "../aws/console.ts";
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
import type { Changes } from "./plan.ts";
import { present } from "./preconditions.ts";
import { roll } from "./roll.ts";
import type { Digests, ServiceObservation } from "./service.ts";
import { commonAim, idsOf, stopServiceDeployment, updateService } from "./start.ts";
import { type Aim, type Track, track } from "./track.ts";
import { watch } from "./watch.ts";

/** Brings one service back to what it was. */
export interface TakeBackRequest {
  readonly cluster: string;
  readonly service: string;
  /** What it ran before; null when it had run nothing: a first release. */
  readonly to: Revision | null;
  /** Its desired count before; null leaves it as it is: something scales it, or the count was not changed. */
  readonly count: number | null;
  /** What its containers ran before, as far as that is known: a tag may name another image by now. */
  readonly digests?: Digests;
  /** What was rolled out, and is to be taken back. Absent: whatever runs. */
  readonly ours?: Revision;
  /** Id of the deployment that was PRIMARY before anything was rolled out; absent when nobody knows. */
  readonly former?: string;
  readonly timeoutSeconds: number;
}

/**
 * Takes a service back to its former revision and count, by the shortest way: a rollout in flight is stopped when ECS itself goes
 * back to that revision; one that ECS is taking back already is waited for; any other gets the former revision by an update. What
 * had run nothing is brought to nothing again. What somebody else has deployed in the meantime is theirs: then nothing is written.
 * @returns `superseded` when it runs neither what is to be taken back nor what it ran before.
 * @throws UserError, AwsError
 */
export async function takeBack(
  clients: DeploymentClients,
  context: Context,
  request: TakeBackRequest,
): Promise<Verdict> {
  const { cluster, service: name, to, count, timeoutSeconds, digests = {} } = request;
  const begun = context.clock.now();
  const service = await observeOurs(clients.ecs, context, request);
  if (isTheirs(request, service)) return leftAlone(request, service, (context.clock.now() - begun) / 1000);
  if (to === null || (count ?? service.desiredCount) === 0) return takeDown(clients, context, request);
  const returning = await returnByEcs(clients.ecs, { ...request, to }, service, begun);
  if (returning !== null) {
    const verdict = await watch(clients, context, returning);
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
    digests,
  });
  return { ...verdict, from: returning?.aim.from ?? verdict.from, seconds: verdict.seconds + spentSeconds };
}

/**
 * Gives a service a desired count of 0, and waits until no task is left.
 * @param request `to`: the task definition it is to have when somebody starts it again; null or absent leaves it.
 * @throws UserError, AwsError
 */
export async function takeDown(
  clients: DeploymentClients,
  context: Context,
  request: Omit<TakeBackRequest, "to" | "count"> & { readonly to?: Revision | null },
): Promise<Verdict> {
  const { ecs } = clients;
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
    count: 0,
    since: begun,
  };
  return watch(clients, context, track(aim, after, after.events));
}

/** So often, three seconds apart, a service is looked at that does not run what is to be taken back: the answers may be old ones. */
const mostLooks = 4;
const betweenLooks = 3_000;

/** @throws UserError when the service is gone; AwsError */
async function observeOurs(
  ecs: EcsSend,
  { clock, signal }: Context,
  request: TakeBackRequest,
): Promise<ServiceObservation> {
  const { cluster, service: name, ours } = request;
  for (let look = 1; ; look += 1) {
    const service = present(request, (await observeServices(ecs, cluster, [name]))[name] ?? null);
    const isExpected = ours === undefined || sameRevision(service.primary?.revision ?? null, ours);
    if (isExpected || hasReturned(request, service) || look === mostLooks) return service;
    await clock.sleep(betweenLooks, signal);
  }
}

/** It runs what it ran before, by a deployment that was not there then: ECS has gone back, and this is no old answer. */
function hasReturned({ to, former }: TakeBackRequest, { primary }: ServiceObservation): boolean {
  if (to === null || former === undefined || primary === null) return false;
  return sameRevision(primary.revision, to) && primary.id !== former;
}

function isTheirs({ ours, to }: TakeBackRequest, { primary }: ServiceObservation): boolean {
  if (ours === undefined || primary === null) return false;
  return !sameRevision(primary.revision, ours) && (to === null || !sameRevision(primary.revision, to));
}

function leftAlone({ to, ours }: TakeBackRequest, service: ServiceObservation, seconds: number): Verdict {
  const now = service.primary?.revision ?? null;
  return {
    service: service.name,
    verdict: "superseded",
    deploymentId: service.primary?.id ?? null,
    from: now,
    to,
    digests: {},
    cause: {
      id: "superseded",
      what: `It runs ${now === null ? "something else" : showRevision(now)}, and not ${ours === undefined ? "ours" : showRevision(ours)} any more: somebody has deployed to it since. It was left alone.`,
      fix: "Settle which one is meant to run. To have the older one again, deploy it.",
    },
    evidence: [],
    story: [],
    page: deploymentsPage(service.arn),
    seconds,
  };
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
    const { count } = request;
    const isCounted = count === null || service.desiredCount === count;
    const counted = isCounted
      ? service
      : await updateService(ecs, request, { desiredCount: count }, { idempotent: true });
    if (underWay.status === "PENDING" || underWay.status === "IN_PROGRESS") {
      await stopServiceDeployment(ecs, request, underWay.arn);
    }
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
      count: isCounted ? null : count,
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
