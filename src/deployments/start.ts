import { DescribeTaskDefinitionCommand, StopServiceDeploymentCommand, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../aws/ecs.ts";
import { isAwsError } from "../aws/error.ts";
import type { CallOptions } from "../aws/send.ts";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { type Revision, sameRevision } from "../domain/verdict.ts";
import {
  isOptionalCallRefused,
  observeServiceDeployment,
  observeServiceRevisions,
  observeServices,
  type ServiceDeploymentObservation,
} from "./observe.ts";
import { type Changes, planRoll, type RollPlan } from "./plan.ts";
import { present } from "./preconditions.ts";
import { requestedRevision, type RollRequest, whereIs } from "./request.ts";
import { observed, type ServiceEvent, type ServiceObservation } from "./service.ts";
import { isStaged } from "./strategies.ts";
import { type Aim, type Track, track } from "./track.ts";

/** Milliseconds from an answer that may be an old one to the next look. */
export const secondLook = 5_000;

/**
 * Refuses a revision that UpdateService would refuse, and digests of containers that it does not have, before anything is written.
 * @throws UserError when it is not there, or INACTIVE, or lacks a container; AwsError
 */
export async function checkDefinition(ecs: EcsSend, request: RollRequest, plan: RollPlan): Promise<void> {
  const { taskDefinition: name, digests = {} } = request;
  const isNew = plan.kind === "update" && plan.changes.taskDefinition !== undefined;
  if (!isNew && Object.keys(digests).length === 0) return;
  const { status, containers } = await observeDefinition(ecs, name);
  const unknown = Object.keys(digests).filter((container) => containers?.includes(container) === false);
  if (unknown.length > 0) {
    throw new UserError({
      what: `A digest is asked of container ${unknown.join(", ")}; ${name} has ${containers?.join(", ") ?? "none"}.`,
      where: whereIs(request),
      fix: "Name containers as the task definition does.",
    });
  }
  if (!isNew || status === "ACTIVE" || status === "unknown") return;
  throw new UserError({
    what:
      status === "missing"
        ? `There is no task definition ${name}.`
        : `Task definition ${name} is ${status}: it was deregistered.`,
    where: whereIs(request),
    fix: "Register it again: that gives a new revision with the same content.",
  });
}

/**
 * Carries a plan out: writes what it says, and nothing when there is nothing to write.
 * @param service as the plan saw it
 * @throws AwsError, UserError
 */
export async function start(
  ecs: EcsSend,
  context: Pick<Context, "clock" | "signal">,
  request: RollRequest,
  service: ServiceObservation,
  plan: RollPlan,
): Promise<Track> {
  const begun = context.clock.now();
  if (plan.kind !== "update") {
    const aim = await aimAtPresent(ecs, request, service, begun);
    const isEarlier = ({ at }: ServiceEvent): boolean => at < aim.since;
    // Where there is nothing to do there is nothing to tell, either: whoever asks again has been told.
    return track(aim, service, plan.kind === "unchanged" ? service.events : service.events.filter(isEarlier));
  }
  const isCountAlone = plan.changes.taskDefinition === undefined && plan.changes.forceNewDeployment === undefined;
  const underWay = isCountAlone ? await aimAtPresent(ecs, request, service, begun) : null;
  const { after, isOurs } = await update(ecs, context, request, service, plan.changes);
  const aim = withWhatGoesOn(aimAtUpdate(request, service, after, begun), underWay);
  if (isOurs) return track(aim, after, after.events);
  // Whether ours began before the newer one is seen by whether it is still there.
  const mine = after.others.find(({ id, revision }) => !aim.before.includes(id) && sameRevision(revision, aim.to));
  return track({ ...aim, deploymentId: mine?.id ?? null, serviceDeploymentArn: null }, after, after.events);
}

/** @returns the service as UpdateService answers it. @throws AwsError */
export async function updateService(
  ecs: EcsSend,
  request: Pick<RollRequest, "cluster" | "service">,
  changes: Changes,
  options: Pick<CallOptions, "idempotent"> = {},
): Promise<ServiceObservation> {
  const { cluster, service: name } = request;
  const command = new UpdateServiceCommand({ cluster, service: name, ...changes });
  const { service } = await ecs(command, { ...options, resource: whereIs(request) });
  if (service === undefined) throw new Error("UpdateService answered without the service");
  return observed(service);
}

/** Has ECS go back from what is under way. Stopping what goes back already changes nothing. @throws AwsError */
export async function stopServiceDeployment(
  ecs: EcsSend,
  request: Pick<RollRequest, "cluster" | "service">,
  serviceDeploymentArn: string,
): Promise<void> {
  const command = new StopServiceDeploymentCommand({ serviceDeploymentArn, stopType: "ROLLBACK" });
  await ecs(command, { resource: whereIs(request), idempotent: true });
}

/** The members that all aims of one request share. */
export function commonAim(
  request: Pick<RollRequest, "cluster" | "service" | "timeoutSeconds"> &
    Pick<Partial<RollRequest>, "digests" | "failEarly">,
  begun: number,
): Pick<Aim, "cluster" | "service" | "digests" | "failEarly" | "begun" | "deadline"> {
  const { cluster, service, timeoutSeconds, digests = {}, failEarly = false } = request;
  return { cluster, service, digests, failEarly, begun, deadline: begun + timeoutSeconds * 1000 };
}

export function idsOf({ primary, others }: ServiceObservation): readonly string[] {
  return [...(primary === null ? [] : [primary.id]), ...others.map(({ id }) => id)];
}

interface DefinitionObservation {
  readonly status: string;
  /** Their names; null when they are not known. */
  readonly containers: readonly string[] | null;
}

async function observeDefinition(ecs: EcsSend, name: string): Promise<DefinitionObservation> {
  try {
    const { taskDefinition } = await ecs(new DescribeTaskDefinitionCommand({ taskDefinition: name }));
    const containers = taskDefinition?.containerDefinitions?.map((container) => container.name ?? "") ?? null;
    return { status: taskDefinition?.status ?? "unknown", containers };
  } catch (error) {
    // ECS has no error of its own for it: ClientException, "Unable to describe task definition."
    if (isAwsError(error, "invalid", "not-found")) return { status: "missing", containers: null };
    if (isAwsError(error, "denied")) return { status: "unknown", containers: null };
    throw error;
  }
}

/** A deployment that is there already, ours or somebody else's: of the wanted revision. */
async function aimAtPresent(
  ecs: EcsSend,
  request: RollRequest,
  service: ServiceObservation,
  begun: number,
): Promise<Aim> {
  const to = requestedRevision(request);
  const { primary, others } = service;
  const replaced = others.find(({ revision }) => !sameRevision(revision, to));
  const isRolling = primary?.state === "IN_PROGRESS";
  // All may run, and its traffic still be shifted, or be taken back: `deployments[]` does not tell.
  const underWay =
    isRolling || isStaged(service.rollout)
      ? await serviceDeploymentUnderWay(ecs, service, to)
      : { serviceDeploymentArn: null, returning: false };
  const moves = isRolling || underWay.serviceDeploymentArn !== null;
  return {
    ...commonAim(request, begun),
    to,
    from: moves ? (replaced?.revision ?? null) : to,
    deploymentId: primary?.id ?? null,
    ...underWay,
    formerServiceDeploymentArn: service.serviceDeploymentArn,
    before: others.map(({ id }) => id),
    moves,
    toNothing: false,
    count: null,
    since: primary?.createdAt ?? begun,
  };
}

/** The last service deployment that ECS names may be one that is over: only one under way is about what is under way. */
async function serviceDeploymentUnderWay(
  ecs: EcsSend,
  { serviceDeploymentArn }: ServiceObservation,
  to: Revision,
): Promise<Pick<Aim, "serviceDeploymentArn" | "returning">> {
  const none = { serviceDeploymentArn: null, returning: false };
  if (serviceDeploymentArn === null) return none;
  try {
    const underWay = await observeServiceDeployment(ecs, serviceDeploymentArn);
    switch (underWay?.status) {
      case "PENDING":
      case "IN_PROGRESS":
        // It may go back already without saying so yet: then it was begun to bring something else.
        return { serviceDeploymentArn, returning: await bringsOther(ecs, underWay, to) };
      case "ROLLBACK_REQUESTED":
      case "ROLLBACK_IN_PROGRESS":
        return { serviceDeploymentArn, returning: true };
      default:
        return none;
    }
  } catch (error) {
    if (isOptionalCallRefused(error)) return none;
    throw error;
  }
}

async function bringsOther(
  ecs: EcsSend,
  { targetRevisionArn: arn }: ServiceDeploymentObservation,
  to: Revision,
): Promise<boolean> {
  if (arn === null) return false;
  try {
    const { revision = null } = (await observeServiceRevisions(ecs, [arn]))[arn] ?? {};
    return revision !== null && !sameRevision(revision, to);
  } catch (error) {
    if (isOptionalCallRefused(error)) return false;
    throw error;
  }
}

/** A count alone leaves what is under way to go on: what it replaces, and what tells when it is over, stay what they were. */
function withWhatGoesOn(aim: Aim, underWay: Aim | null): Aim {
  if (underWay === null || !underWay.moves || aim.deploymentId !== underWay.deploymentId) return aim;
  const { from, returning } = underWay;
  return { ...aim, from, returning, serviceDeploymentArn: aim.serviceDeploymentArn ?? underWay.serviceDeploymentArn };
}

function aimAtUpdate(request: RollRequest, before: ServiceObservation, after: ServiceObservation, begun: number): Aim {
  const to: Revision = requestedRevision(request);
  const { primary } = after;
  // A count alone begins no deployment: the one that is there goes on, and its service deployment is over.
  const isNew = primary !== null && !idsOf(before).includes(primary.id);
  return {
    ...commonAim(request, begun),
    to,
    from: before.revision,
    deploymentId: primary?.id ?? null,
    serviceDeploymentArn:
      after.serviceDeploymentArn === before.serviceDeploymentArn ? null : after.serviceDeploymentArn,
    formerServiceDeploymentArn: before.serviceDeploymentArn,
    returning: false,
    before: idsOf(before).filter((id) => id !== primary?.id),
    moves: true,
    toNothing: false,
    count: after.desiredCount,
    since: isNew ? primary.createdAt : begun,
  };
}

/** So often an update is sent when its answers are lost and ECS shows no trace of it. */
const mostUpdates = 3;

/**
 * UpdateService with what changes. When its answer is lost, ECS is looked at before it is sent again: only while the deployment
 * that the plan saw is still PRIMARY. Another one is somebody's, and newer.
 * @returns `isOurs`: what is PRIMARY is what was asked for.
 */
async function update(
  ecs: EcsSend,
  { clock, signal }: Pick<Context, "clock" | "signal">,
  request: RollRequest,
  planned: ServiceObservation,
  changes: Changes,
): Promise<{ readonly after: ServiceObservation; readonly isOurs: boolean }> {
  const { cluster, service: name } = request;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return { after: await updateService(ecs, request, changes), isOurs: true };
    } catch (error) {
      if (!isAwsError(error) || error.refused || attempt === mostUpdates) throw error;
      // At once, ECS may still show what was there before.
      await clock.sleep(secondLook, signal);
      const after = present(request, (await observeServices(ecs, cluster, [name]))[name] ?? null);
      const isOurs = sameRevision(after.primary?.revision ?? null, requestedRevision(request));
      if (after.primary?.id !== planned.primary?.id) return { after, isOurs };
      if (planRoll(request, after).kind !== "update") return { after, isOurs };
    }
  }
}
