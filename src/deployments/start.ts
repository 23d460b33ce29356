import { DescribeTaskDefinitionCommand, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../aws/ecs.ts";
import { isAwsError } from "../aws/error.ts";
import type { CallOptions } from "../aws/send.ts";
import type { Clock } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { type Revision, sameRevision } from "../domain/verdict.ts";
import { isOptionalCallRefused, observeServiceDeployment, observeServices } from "./observe.ts";
import {
  type Changes,
  planRoll,
  present,
  type RollPlan,
  type RollRequest,
  requestedRevision,
  whereIs,
} from "./plan.ts";
import { observed, type ServiceObservation } from "./service.ts";
import { type Aim, type Track, track } from "./track.ts";

/**
 * Refuses a revision that UpdateService would refuse, before anything is written.
 * @throws UserError when it is not there, or INACTIVE; AwsError
 */
export async function checkDefinition(ecs: EcsSend, request: RollRequest): Promise<void> {
  const { taskDefinition: name } = request;
  const status = await definitionStatus(ecs, name);
  if (status === "ACTIVE" || status === "unknown") return;
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
  clock: Clock,
  request: RollRequest,
  service: ServiceObservation,
  plan: RollPlan,
): Promise<Track> {
  const begun = clock.now();
  if (plan.kind !== "update") {
    const aim = await aimAtPresent(ecs, request, service, begun);
    return track(
      aim,
      service,
      service.events.filter(({ at }) => at < aim.since),
    );
  }
  const after = await update(ecs, request, plan.changes);
  return track(aimAtUpdate(request, service, after, begun), after, after.events);
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

/** The members that all aims of one request share. */
export function commonAim(
  request: Pick<RollRequest, "cluster" | "service" | "timeoutSeconds"> & Pick<Partial<RollRequest>, "digests">,
  begun: number,
): Pick<Aim, "cluster" | "service" | "digests" | "begun" | "deadline"> {
  const { cluster, service, timeoutSeconds, digests = {} } = request;
  return { cluster, service, digests, begun, deadline: begun + timeoutSeconds * 1000 };
}

export function idsOf({ primary, others }: ServiceObservation): readonly string[] {
  return [...(primary === null ? [] : [primary.id]), ...others.map(({ id }) => id)];
}

async function definitionStatus(ecs: EcsSend, name: string): Promise<string> {
  try {
    const { taskDefinition } = await ecs(new DescribeTaskDefinitionCommand({ taskDefinition: name }));
    return taskDefinition?.status ?? "unknown";
  } catch (error) {
    // ECS has no error of its own for it: ClientException, "Unable to describe task definition."
    if (isAwsError(error, "invalid", "not-found")) return "missing";
    if (isAwsError(error, "denied")) return "unknown";
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
  const moves = primary?.state === "IN_PROGRESS";
  return {
    ...commonAim(request, begun),
    to,
    from: moves ? (replaced?.revision ?? null) : to,
    deploymentId: primary?.id ?? null,
    ...(moves ? await serviceDeploymentUnderWay(ecs, service) : { serviceDeploymentArn: null, returning: false }),
    formerServiceDeploymentArn: service.serviceDeploymentArn,
    before: others.map(({ id }) => id),
    moves,
    toNothing: false,
    since: primary?.createdAt ?? begun,
  };
}

/** The last service deployment that ECS names may be one that is over: only one under way is about what is under way. */
async function serviceDeploymentUnderWay(
  ecs: EcsSend,
  { serviceDeploymentArn }: ServiceObservation,
): Promise<Pick<Aim, "serviceDeploymentArn" | "returning">> {
  const none = { serviceDeploymentArn: null, returning: false };
  if (serviceDeploymentArn === null) return none;
  try {
    switch ((await observeServiceDeployment(ecs, serviceDeploymentArn))?.status) {
      case "PENDING":
      case "IN_PROGRESS":
        return { serviceDeploymentArn, returning: false };
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
    since: isNew ? primary.createdAt : begun,
  };
}

/** So often an update is sent when its answers are lost and ECS shows no trace of it. */
const mostUpdates = 3;

/**
 * UpdateService with what changes. When its answer is lost, ECS is looked at before it is sent again: somebody may have deployed
 * something newer in between.
 */
async function update(ecs: EcsSend, request: RollRequest, changes: Changes): Promise<ServiceObservation> {
  const { cluster, service: name } = request;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await updateService(ecs, request, changes);
    } catch (error) {
      if (!isAwsError(error) || error.refused || attempt === mostUpdates) throw error;
      const now = present(request, (await observeServices(ecs, cluster, [name]))[name] ?? null);
      if (planRoll(request, now).kind !== "update") return now;
    }
  }
}
