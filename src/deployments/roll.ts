import type { Context } from "../domain/context.ts";
import type { Verdict } from "../domain/verdict.ts";
import type { DeploymentClients } from "./clients.ts";
import { observeServices } from "./observe.ts";
import { isForeign, planRoll, present, type RollRequest, requestedRevision } from "./plan.ts";
import { checkDefinition, start } from "./start.ts";
import type { Track } from "./track.ts";
import { watch } from "./watch.ts";

/**
 * Brings one service to one revision, and looks on until it is there, or will not be.
 * @throws as {@link rollAll}
 */
export async function roll(clients: DeploymentClients, context: Context, request: RollRequest): Promise<Verdict> {
  return only(await rollAll(clients, context, [request]));
}

/** The verdict of one. */
export function only([verdict]: readonly Verdict[]): Verdict {
  if (verdict === undefined) throw new Error("a rollout without a verdict");
  return verdict;
}

/**
 * Brings several services to their revisions side by side. All are checked before the first is written to.
 * @param requests of different services
 * @returns a verdict for each, in this order; `cancelled` for all that had not ended when the signal aborted.
 * @throws UserError when one cannot be deployed, before any write; AwsError when AWS refuses a call: what has begun goes on.
 */
export async function rollAll(
  clients: DeploymentClients,
  context: Context,
  requests: readonly RollRequest[],
): Promise<readonly Verdict[]> {
  const tracks: Track[] = [];
  try {
    const steps = await planAll(clients, context, requests);
    for (const { request, service, plan } of steps) {
      tracks.push(await start(clients.ecs, context.clock, request, service, plan));
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
  }
  const verdicts = await watch(clients, context, tracks);
  return requests.map((request, index) => verdicts[index] ?? notBegun(request));
}

async function planAll({ ecs }: DeploymentClients, context: Context, requests: readonly RollRequest[]) {
  const steps = [];
  for (const [cluster, together] of Map.groupBy(requests, (request) => request.cluster)) {
    const services = await observeExpected(ecs, context, cluster, together);
    for (const request of together) {
      const service = present(request, services[request.service] ?? null);
      steps.push({ request, service, plan: planRoll(request, service) });
    }
  }
  for (const { request, plan } of steps) {
    if (plan.kind === "update" && plan.changes.taskDefinition !== undefined) await checkDefinition(ecs, request);
  }
  // In the order of the requests, whichever cluster they are of.
  return steps.sort((a, b) => requests.indexOf(a.request) - requests.indexOf(b.request));
}

/** ECS may answer with what was there before the last write: what is not as expected is looked at twice. */
async function observeExpected(
  ecs: DeploymentClients["ecs"],
  { clock, signal }: Context,
  cluster: string,
  requests: readonly RollRequest[],
): ReturnType<typeof observeServices> {
  const names = requests.map(({ service }) => service);
  const services = await observeServices(ecs, cluster, names);
  const isSurprise = requests.some((request) => {
    const service = services[request.service] ?? null;
    return service !== null && isForeign(request, service);
  });
  if (!isSurprise) return services;
  await clock.sleep(secondLook, signal);
  return observeServices(ecs, cluster, names);
}

/** Milliseconds. */
const secondLook = 5_000;

function notBegun(request: RollRequest): Verdict {
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
    seconds: 0,
  };
}
