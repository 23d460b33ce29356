import type { Context } from "../domain/context.ts";
import { type Revision, showRevision, type Verdict } from "../domain/verdict.ts";
import type { DeploymentClients } from "./clients.ts";
import { changedMeanwhile, isForeign } from "./preconditions.ts";
import type { RollRequest } from "./request.ts";
import { notBegun, observeExpected } from "./roll.ts";
import { takeDown } from "./take-back.ts";

/** Stops every task of a service, which keeps its task definition. */
export interface StopRequest {
  readonly cluster: string;
  /** Name of the ECS service. */
  readonly service: string;
  /** What it ran when this was asked for. */
  readonly from: Revision;
  readonly timeoutSeconds: number;
}

/**
 * Gives a service a desired count of 0, and waits until no task of it is left.
 * @returns `cancelled` when it had not ended when the signal aborted.
 * @throws UserError when somebody else has deployed to it since, before any write; AwsError
 */
export async function stop(clients: DeploymentClients, context: Context, request: StopRequest): Promise<Verdict> {
  const { cluster, service: name, from, timeoutSeconds } = request;
  const expected: RollRequest = { ...request, taskDefinition: showRevision(from), desiredCount: 0 };
  try {
    const service = await observeExpected(clients.ecs, context, expected);
    if (isForeign(expected, service)) throw changedMeanwhile(expected, service);
    return await takeDown(clients, context, { cluster, service: name, timeoutSeconds });
  } catch (error) {
    if (!context.signal.aborted) throw error;
    return { ...notBegun(expected), from, to: null };
  }
}
