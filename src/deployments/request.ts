import { UserError } from "../domain/errors.ts";
import { parseRevision, type Revision } from "../domain/verdict.ts";
import type { Digests } from "./service.ts";

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
  /** Every task is replaced, although it runs this revision already. */
  readonly anew?: boolean;
  /** Ends when two tasks in a row have failed in a way that can only repeat, instead of when ECS has had enough. */
  readonly failEarly?: boolean;
  /** What must be seen running, by container; other containers may run anything. */
  readonly digests?: Digests;
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

/** For errors. */
export function whereIs({ cluster, service }: Pick<RollRequest, "cluster" | "service">): string {
  return `service ${service} in cluster ${cluster}`;
}
