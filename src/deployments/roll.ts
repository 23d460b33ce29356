import type { Context } from "../domain/context.ts";
import type { Verdict } from "../domain/verdict.ts";
import type { DeploymentClients } from "./clients.ts";
import { observeServices } from "./observe.ts";
import { planRoll } from "./plan.ts";
import { isForeign, present } from "./preconditions.ts";
import { requestedRevision, type RollRequest } from "./request.ts";
import type { ServiceObservation } from "./service.ts";
import { checkDefinition, secondLook, start } from "./start.ts";
import type { Track } from "./track.ts";
import { watch } from "./watch.ts";

/**
 * Brings one service to one revision, and looks on until it is there, or will not be.
 * @returns `cancelled` when it had not ended when the signal aborted.
 * @throws UserError when it cannot be deployed, before any write; AwsError when AWS refuses a call before it has begun.
 */
export async function roll(clients: DeploymentClients, context: Context, request: RollRequest): Promise<Verdict> {
  let track: Track;
  try {
    const service = await observeExpected(clients.ecs, context, request);
    const plan = planRoll(request, service);
    await checkDefinition(clients.ecs, request, plan);
    track = await start(clients.ecs, context, request, service, plan);
  } catch (error) {
    if (!context.signal.aborted) throw error;
    return notBegun(request);
  }
  return watch(clients, context, track);
}

/** ECS may answer with what was there before the last write: what is not as expected is looked at twice. */
export async function observeExpected(
  ecs: DeploymentClients["ecs"],
  { clock, signal }: Context,
  request: RollRequest,
): Promise<ServiceObservation> {
  const observe = async () => {
    const { cluster, service: name } = request;
    return present(request, (await observeServices(ecs, cluster, [name]))[name] ?? null);
  };
  const service = await observe();
  if (!isForeign(request, service)) return service;
  await clock.sleep(secondLook, signal);
  return observe();
}

/** The verdict of what was cancelled before its first answer. */
export function notBegun(request: RollRequest): Verdict {
  return {
    service: request.service,
    verdict: "cancelled",
    deploymentId: null,
    from: null,
    to: requestedRevision(request),
    digests: {},
    cause: {
      id: "cancelled",
      what: "It was cancelled before ECS had said that a deployment began: there may be one, or none.",
      fix: null,
    },
    evidence: [],
    story: [],
    page: null,
    seconds: 0,
  };
}
