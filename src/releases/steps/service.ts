import { type Digests, roll, stop, takeBack } from "../../deployments/index.ts";
import { resolveText, type Results } from "../../domain/later.ts";
import type { Step } from "../../domain/plan.ts";
import { imageOf } from "../../domain/release.ts";
import { isGood, type Verdict } from "../../domain/verdict.ts";
import { rollTimeoutSeconds, stopTimeoutSeconds } from "../time-outs.ts";
import type { Workshop } from "../workshop.ts";
import { type Done, StepFailed } from "./done.ts";

/** Brings a service to its new revision. @throws StepFailed, UserError, AwsError, Cancelled */
export async function rollService(
  { clients, looks, context, stack, release, rolling }: Workshop,
  step: Extract<Step, { kind: "roll" }>,
  results: Results,
): Promise<Done> {
  const service = stack.services[step.service];
  if (service === undefined) throw new Error(`service ${step.service} is not in the stack`);
  const digest = imageOf(release, service)?.digest;
  const container = service.definition.container;
  const digests: Digests = digest === undefined || container === null ? {} : { [container]: digest };
  const verdict = await roll({ ...clients, looks }, context, {
    cluster: stack.contract.cluster,
    service: service.service,
    taskDefinition: resolveText(step.to, results),
    desiredCount: step.count,
    timeoutSeconds: rolling.timeoutSeconds,
    failEarly: rolling.failEarly,
    from: step.from,
    digests,
  });
  return doneOf(verdict);
}

/** Brings a service to no task. @throws StepFailed, UserError, AwsError, Cancelled */
export async function stopService(
  { clients, context, stack }: Workshop,
  { name: service, from }: Extract<Step, { kind: "stop" }>,
): Promise<Done> {
  const { cluster } = stack.contract;
  const request = { cluster, service, from, timeoutSeconds: stopTimeoutSeconds };
  return doneOf(await stop(clients, context, request));
}

/** Brings a service to what it was before. @throws StepFailed, UserError, AwsError, Cancelled */
export async function putBack(
  { clients, context, stack, rolling: { timeoutSeconds } }: Workshop,
  { name: service, from, to, count }: Extract<Step, { kind: "put-back" }>,
): Promise<Done> {
  const { cluster } = stack.contract;
  const ours = from === null ? {} : { ours: from };
  // To put back what ran takes as long as it takes: `timeout` is about what is new.
  const longest = Math.max(timeoutSeconds, rollTimeoutSeconds);
  return doneOf(await takeBack(clients, context, { cluster, service, to, count, timeoutSeconds: longest, ...ours }));
}

/** @throws StepFailed for a verdict that is not good */
export function doneOf(verdict: Verdict): Done {
  if (isGood(verdict.verdict))
    return { results: {}, parts: {}, said: `${verdict.verdict} in ${Math.round(verdict.seconds)} s`, verdict };
  const { cause, evidence, service } = verdict;
  const unknown = { id: verdict.verdict, what: `Service ${service}: ${verdict.verdict}.`, fix: null };
  throw new StepFailed(cause ?? unknown, evidence, verdict);
}
