import { isAwsError } from "../aws/error.ts";
import { guarded } from "../aws/send.ts";
import type { Dagster } from "../dagster/client.ts";
import { takeBack } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import { messageOf } from "../domain/errors.ts";
import type { Undo } from "../domain/plan.ts";
import { isGood, type Revision, type Verdict } from "../domain/verdict.ts";
import { locationGate } from "../gates/location.ts";
import type { HeldLock } from "./lock.ts";
import { isLost } from "./lock.ts";
import type { Observation } from "./observation.ts";
import type { Session } from "./session.ts";

/** How one service was taken back. */
export interface TakenBack {
  /** Its key. */
  readonly service: string;
  /** Tasks that it ran before; null: something scales it. */
  readonly count: number | null;
  /** null: it could not be tried; `why` says it. */
  readonly verdict: Verdict | null;
  /** null: it is as it was before. */
  readonly why: string | null;
}

/** A service that has to go back. */
export interface Moved {
  /** Its key. */
  readonly service: string;
  readonly undo: Undo;
  /** What this release has brought it to; null when that is not known. */
  readonly ours: Revision | null;
}

const timeoutSeconds = 30 * 60;
const gateTimeoutSeconds = 60;

/**
 * Takes services back in the order given, each to what it was before; a code location must then be served from its old image
 * again. One that cannot be taken back does not keep the others from it, unless nothing can be written any more: the lock is lost,
 * or the session of this job is over.
 */
export async function takeAllBack(
  context: Context,
  session: Session,
  lock: HeldLock | null,
  before: Observation,
  moved: readonly Moved[],
  dagster: Dagster | null,
): Promise<readonly TakenBack[]> {
  const clients = { ...session.clients, ecs: guarded(session.clients.ecs, async () => lock?.check()) };
  const results: TakenBack[] = [];
  let barred: string | null = null;
  for (const { service, undo, ours } of moved) {
    if (undo.kind === "none") continue;
    try {
      results.push(
        barred !== null
          ? { service, count: undo.count, verdict: null, why: barred }
          : await takeOneBack(context, { ...session, clients }, before, { service, undo, ours }, dagster),
      );
    } catch (error) {
      barred = barredBy(error);
      results.push({
        service,
        count: undo.count,
        verdict: null,
        why: isAwsError(error, "expired") ? error.what : messageOf(error),
      });
    }
  }
  return results;
}

/** Why nothing more can be written; null: it can. */
function barredBy(error: unknown): string | null {
  if (isLost(error)) return "somebody else may write to the stack now";
  return isAwsError(error, "expired") ? "the AWS session of this job is over" : null;
}

async function takeOneBack(
  context: Context,
  { clients, stack }: Session,
  before: Observation,
  { service: key, undo, ours }: Moved & { readonly undo: Extract<Undo, { kind: "roll" }> },
  dagster: Dagster | null,
): Promise<TakenBack> {
  const { to, count } = undo;
  const request = {
    cluster: stack.contract.cluster,
    service: undo.service,
    to,
    count,
    timeoutSeconds,
    ...(ours === null ? {} : { ours }),
  };
  const verdict = await takeBack(clients, context, request);
  if (!isGood(verdict.verdict))
    return { service: key, count, verdict, why: verdict.cause?.what ?? `it ended as ${verdict.verdict}` };
  const why = count === 0 ? null : await askAgain(context, stack, before, key, dagster);
  return { service: key, count, verdict, why };
}

/** @returns null when the location is served from its old image, or when that cannot be asked for. */
async function askAgain(
  context: Context,
  stack: Session["stack"],
  before: Observation,
  key: string,
  dagster: Dagster | null,
): Promise<string | null> {
  const service = stack.services[key];
  const image = servedImage(before, key);
  if (dagster === null || service?.kind !== "code-location" || image === null) return null;
  const nameTtlSeconds = stack.contract["name-ttl-seconds"];
  const { cause } = await locationGate(dagster, context, {
    location: service.location,
    image,
    nameTtlSeconds,
    timeoutSeconds: gateTimeoutSeconds + nameTtlSeconds,
  });
  return cause?.what ?? null;
}

/** What a code server tells of its image, by the definition that it ran on. */
export function servedImage({ definitions }: Pick<Observation, "definitions">, key: string): string | null {
  const { former, running } = definitions[`service/${key}`] ?? {};
  const content = (former ?? running)?.content as
    | {
        readonly containerDefinitions?: readonly {
          readonly environment?: readonly { readonly name: string; readonly value: string }[];
        }[];
      }
    | undefined;
  const variables = content?.containerDefinitions?.flatMap(({ environment }) => environment ?? []) ?? [];
  return variables.find(({ name }) => name === "DAGSTER_CURRENT_IMAGE")?.value ?? null;
}
