import { UserError } from "../domain/errors.ts";
import { sameRevision, showRevision } from "../domain/verdict.ts";
import { requestedRevision, type RollRequest, whereIs } from "./request.ts";
import type { ServiceObservation } from "./service.ts";

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
