import { StopServiceDeploymentCommand, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../aws/ecs.ts";
import { guarded } from "../aws/send.ts";
import { type DeploymentClients, takeBack } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import { Cancelled, messageOf } from "../domain/errors.ts";
import { isGood } from "../domain/verdict.ts";
import type { HeldLock } from "./lock.ts";
import { nameIn, type Observation, replacedKey, successorOf } from "./observation.ts";
import type { Session } from "./session.ts";
import type { Moved, TakenBack } from "./take-back.ts";

/** What became of a service that was to go back at once. */
export interface WayBack extends Pick<TakenBack, "verdict" | "why"> {
  /** ECS is on its way back, or there. */
  readonly told: boolean;
}

/** A service that was to go back at once. */
export type SentBack = TakenBack & WayBack;

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
  const { cluster } = session.stack.contract;
  const { ecs, logs } = session.clients;
  const clients = { ecs: guarded(ecs, () => lock.check()), logs };
  return inTime(context.clock, (late) =>
    Promise.all(
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
        const { service: name, to, count } = undo;
        const request = { cluster, service: name, to, count, ...(ours === null ? {} : { ours }) };
        return { ...head, ...(await tell(context, clients, request, late)) };
      }),
    ),
  );
}

/** The same for one service, by its name in ECS. */
export function sendServiceBack(context: Context, clients: DeploymentClients, request: BackRequest): Promise<WayBack> {
  return inTime(context.clock, (late) => tell(context, clients, request, late));
}

/** @param work is given the signal of its end */
async function inTime<T>(clock: Context["clock"], work: (late: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const done = new AbortController();
  const alarm = clock.sleep(mostTime, done.signal).then(
    () => late.abort(new Cancelled(`not within ${mostTime / 1000} s`)),
    () => undefined,
  );
  try {
    return await work(late.signal);
  } finally {
    done.abort();
    await alarm;
  }
}

type BackRequest = Omit<Parameters<typeof takeBack>[2], "timeoutSeconds">;

async function tell(
  { clock, report }: Context,
  { ecs, logs }: DeploymentClients,
  request: BackRequest,
  late: AbortSignal,
): Promise<WayBack> {
  const told = new AbortController();
  const signal = AbortSignal.any([late, told.signal]);
  const written = new Set<string>();
  const lasting: EcsSend = async (command, options) => {
    const answer = await ecs(command, { ...options, signal });
    if (command instanceof UpdateServiceCommand || command instanceof StopServiceDeploymentCommand)
      written.add(request.service);
    return answer;
  };
  // Once it is written there is nothing to wait for.
  const sleep: Context["clock"]["sleep"] = (milliseconds, until) => {
    if (written.size > 0) told.abort(new Cancelled());
    return clock.sleep(milliseconds, until);
  };
  const context: Context = { clock: { now: () => clock.now(), sleep }, signal, report };
  try {
    const verdict = await takeBack({ ecs: lasting, logs }, context, { ...request, timeoutSeconds: mostTime / 1000 });
    if (isGood(verdict.verdict)) return { verdict, told: true, why: null };
    if (written.size > 0 || verdict.story.length > 0) {
      return { verdict, told: true, why: "ECS was told to, and was on its way when this job ended" };
    }
    return { verdict, told: false, why: verdict.cause?.what ?? `it ended as ${verdict.verdict}` };
  } catch (error) {
    return { verdict: null, told: written.size > 0, why: messageOf(error) };
  }
}
