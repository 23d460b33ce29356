import { UserError } from "../domain/errors.ts";
import { parseRevision, type Revision, sameRevision, showRevision } from "../domain/verdict.ts";
import type { Digests, ServiceObservation } from "./service.ts";

/** Brings one service to one revision. */
export interface RollRequest {
  readonly cluster: string;
  /** Name of the ECS service. */
  readonly service: string;
  /** `family:revision`, or its ARN. */
  readonly taskDefinition: string;
  /** Null leaves it as it is. */
  readonly desiredCount: number | null;
  readonly timeoutSeconds: number;
  /** What ran when this was asked for; null: nothing. Absent: whatever runs may be replaced. */
  readonly from?: Revision | null;
  /** What must be seen running, by container; other containers may run anything. */
  readonly digests?: Digests;
}

/** What is there to do. */
export type RollPlan =
  /** It runs this revision in this number already. */
  | { readonly kind: "unchanged" }
  /** A deployment of this revision is under way already. */
  | { readonly kind: "attach"; readonly deploymentId: string }
  | { readonly kind: "update"; readonly changes: Changes; readonly replaces: Revision | null };

/** What UpdateService is given, and nothing else. */
export interface Changes {
  readonly taskDefinition?: string;
  readonly desiredCount?: number;
  /** Only where ECS would else do nothing: the last deployment of this very revision failed. */
  readonly forceNewDeployment?: true;
}

/**
 * Compares what runs with what is wanted.
 * @throws UserError when ECS could not do it, or nothing would be there to look at afterwards.
 */
export function planRoll(request: RollRequest, service: ServiceObservation | null): RollPlan {
  const { desiredCount } = request;
  const to = requestedRevision(request);
  const there = present(request, service);
  const count = desiredCount ?? there.desiredCount;
  if (count === 0) {
    throw new UserError({
      what: `Service ${request.service} is to run no task, so that nothing would show whether ${showRevision(to)} works.`,
      where: whereIs(request),
      fix: "Give it a desired count of at least 1.",
    });
  }
  const counts = count === there.desiredCount ? {} : { desiredCount: count };
  if (isForeign(request, there)) throw changedMeanwhile(request, there);
  const { primary } = there;
  if (primary === null || !sameRevision(primary.revision, to)) {
    return {
      kind: "update",
      changes: { taskDefinition: request.taskDefinition, ...counts },
      replaces: there.revision,
    };
  }
  if (primary.state === "FAILED") {
    const changes = { taskDefinition: request.taskDefinition, ...counts, forceNewDeployment: true } as const;
    return { kind: "update", changes, replaces: there.revision };
  }
  if (counts.desiredCount !== undefined) return { kind: "update", changes: counts, replaces: there.revision };
  const reached = primary.state === "COMPLETED" && there.runningCount === count && there.pendingCount === 0;
  return reached ? { kind: "unchanged" } : { kind: "attach", deploymentId: primary.id };
}

/** Does something run that is neither what is wanted, nor what was there when it was asked for? */
export function isForeign(
  request: Pick<RollRequest, "cluster" | "service" | "taskDefinition" | "from">,
  { revision }: Pick<ServiceObservation, "revision">,
): boolean {
  const { from } = request;
  if (from === undefined || revision === null) return false;
  return !sameRevision(revision, requestedRevision(request)) && (from === null || !sameRevision(from, revision));
}

/** What to say when {@link isForeign}. */
export function changedMeanwhile(request: RollRequest, { revision }: ServiceObservation): UserError {
  const [now, then] = [revision, request.from ?? null].map((one) => (one === null ? "nothing" : showRevision(one)));
  return new UserError({
    what: `Service ${request.service} runs ${now}; when this was planned it ran ${then}: somebody else has deployed to it.`,
    where: whereIs(request),
    fix: "Run it again: it is planned anew, on what runs now.",
  });
}

/** @throws UserError when the request does not name one revision. */
export function requestedRevision(request: Pick<RollRequest, "cluster" | "service" | "taskDefinition">): Revision {
  const revision = parseRevision(request.taskDefinition);
  if (revision !== null) return revision;
  throw new UserError({
    what: "The task definition does not name one revision, so that what runs later could be another one.",
    where: whereIs(request),
    fix: "Name it as family:revision, or by its whole ARN.",
  });
}

/** @throws UserError when the service cannot be deployed to. */
export function present(
  request: Pick<RollRequest, "cluster" | "service">,
  service: ServiceObservation | null,
): ServiceObservation {
  const where = whereIs(request);
  if (service === null) {
    throw new UserError({
      what: `There is no service ${request.service}.`,
      where,
      fix: "Check the names of service and cluster, and the account and region of this job; or create the service first: the infrastructure does that.",
    });
  }
  if (service.status !== "ACTIVE") {
    throw new UserError({
      what: `Service ${request.service} is ${service.status}: it was deleted.`,
      where,
      fix: "Create it again first: the infrastructure does that.",
    });
  }
  if (service.controller !== "ECS") {
    throw new UserError({
      what: `Deployments of service ${request.service} are controlled by ${service.controller}, not by ECS.`,
      where,
      fix: "Use a service whose deployment controller is ECS; the controller of a service that exists cannot be changed.",
    });
  }
  return service;
}

export function whereIs({ cluster, service }: Pick<RollRequest, "cluster" | "service">): string {
  return `service ${service} in cluster ${cluster}`;
}
