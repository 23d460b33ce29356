import { UserError } from "../domain/errors.ts";
import { type Revision, sameRevision, showRevision } from "../domain/verdict.ts";
import { changedMeanwhile, isForeign, present } from "./preconditions.ts";
import { requestedRevision, type RollRequest, whereIs } from "./request.ts";
import type { ServiceObservation } from "./service.ts";

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
  /** Only where ECS would else do nothing: the last deployment of this very revision failed, or its tasks are to be new ones. */
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
  if (request.anew === true) {
    if (primary.state !== "COMPLETED") throw underWay(request);
    return { kind: "update", changes: { ...counts, forceNewDeployment: true }, replaces: there.revision };
  }
  if (counts.desiredCount !== undefined) return { kind: "update", changes: counts, replaces: there.revision };
  const reached = primary.state === "COMPLETED" && there.runningCount === count && there.pendingCount === 0;
  return reached ? { kind: "unchanged" } : { kind: "attach", deploymentId: primary.id };
}

function underWay(request: RollRequest): UserError {
  return new UserError({
    what: `A deployment of service ${request.service} is under way: some of its tasks may be new ones already, and others not.`,
    where: whereIs(request),
    fix: "Wait until it is over, and run this again.",
  });
}
