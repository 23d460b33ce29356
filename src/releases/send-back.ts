import { StopServiceDeploymentCommand, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../aws/ecs.ts";
import { guarded } from "../aws/send.ts";
import { takeBack } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import { Cancelled, messageOf } from "../domain/errors.ts";
import type { Undo } from "../domain/plan.ts";
import { isGood } from "../domain/verdict.ts";
import type { HeldLock } from "./lock.ts";
import { nameIn, type Observation, replacedKey, successorOf } from "./observation.ts";
import type { Session } from "./session.ts";
import type { Moved, TakenBack } from "./take-back.ts";

/** A service that was to go back at once. */
export interface SentBack extends TakenBack {
  /** ECS is on its way back, or there. */
  readonly told: boolean;
}

/**
 * Milliseconds until what has not been told to go back is left. A runner that cancels kills ten seconds after its first signal, and
 * how the release ended is still to be written.
 * Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-cancellation
 */
const mostTime = 5_000;

/**
 * Tells ECS to take services back to what they were, all at once, although the context has been cancelled, and does not wait until
 * they are. What another service has taken the place of stays: the two never run at once.
 */
export async function sendAllBack(
  context: Context,
  session: Session,
  lock: HeldLock,
  before: Observation,
  moved: readonly Moved[],
): Promise<readonly SentBack[]> {
  const late = new AbortController();
  const done = new AbortController();
  const alarm = context.clock.sleep(mostTime, done.signal).then(
    () => late.abort(new Cancelled(`not within ${mostTime / 1000} s`)),
    () => undefined,
  );
  try {
    return await Promise.all(
      moved.map(async ({ service, undo, ours }): Promise<SentBack> => {
        const head = { service, name: nameIn(before, service), count: undo.kind === "none" ? null : undo.count };
        const successor = successorOf(service);
        if (undo.kind === "none") return { ...head, verdict: null, told: false, why: undo.why };
        if (moved.some((one) => one.service === replacedKey(service))) {
          const why = "it took the place of another service, which cannot run before it is gone: one of them is to run";
          return { ...head, verdict: null, told: false, why };
        }
        if (successor !== null) {
          return {
            ...head,
            verdict: null,
            told: false,
            why: `${successor}, which took its place, has to be gone first`,
          };
        }
        return { ...head, ...(await sendOneBack(context, session, lock, undo, ours, late.signal)) };
      }),
    );
  } finally {
    done.abort();
    await alarm;
  }
}

async function sendOneBack(
  { clock, report }: Context,
  { clients, stack }: Session,
  lock: HeldLock,
  { service, to, count }: Extract<Undo, { kind: "roll" }>,
  ours: Moved["ours"],
  late: AbortSignal,
): Promise<Pick<SentBack, "verdict" | "told" | "why">> {
  const told = new AbortController();
  const signal = AbortSignal.any([late, told.signal]);
  const written = new Set<string>();
  const lasting: EcsSend = async (command, options) => {
    const answer = await clients.ecs(command, { ...options, signal });
    if (command instanceof UpdateServiceCommand || command instanceof StopServiceDeploymentCommand)
      written.add(service);
    return answer;
  };
  // Once it is written there is nothing to wait for.
  const sleep: Context["clock"]["sleep"] = (milliseconds, until) => {
    if (written.size > 0) told.abort(new Cancelled());
    return clock.sleep(milliseconds, until);
  };
  const context: Context = { clock: { now: () => clock.now(), sleep }, signal, report };
  const request = {
    cluster: stack.contract.cluster,
    service,
    to,
    count,
    timeoutSeconds: mostTime / 1000,
    ...(ours === null ? {} : { ours }),
  };
  try {
    const ecs = guarded(lasting, () => lock.check());
    const verdict = await takeBack({ ecs, logs: clients.logs }, context, request);
    if (isGood(verdict.verdict)) return { verdict, told: true, why: null };
    if (written.size > 0 || verdict.story.length > 0) {
      return { verdict, told: true, why: "ECS was told to, and was on its way when this job ended" };
    }
    return { verdict, told: false, why: verdict.cause?.what ?? `it ended as ${verdict.verdict}` };
  } catch (error) {
    return { verdict: null, told: written.size > 0, why: messageOf(error) };
  }
}
