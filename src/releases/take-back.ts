import { guarded } from "../aws/send.ts";
import type { Dagster } from "../dagster/client.ts";
import { takeBack } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import { messageOf } from "../domain/errors.ts";
import type { Undo } from "../domain/plan.ts";
import { isGood, type Revision, type Verdict } from "../domain/verdict.ts";
import { loadedGate } from "../gates/loaded.ts";
import { locationGate } from "../gates/location.ts";
import type { HeldLock } from "./lock.ts";
import { isLost } from "./lock.ts";
import { type Observation, successorOf } from "./observation.ts";
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
 * Takes services back in the order given, each to what it was before; code must then be served from its old image again. One that
 * cannot be taken back does not keep the others from it, but for what it replaces; unless the lock is lost: then nothing more is
 * written.
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
  let lost = false;
  for (const { service, undo, ours } of moved) {
    if (undo.kind === "none") continue;
    try {
      const why = lost ? "somebody else may write to the stack now" : successorStays(service, results);
      results.push(
        why !== null
          ? { service, count: undo.count, verdict: null, why }
          : await takeOneBack(context, { ...session, clients }, before, { service, undo, ours }, dagster),
      );
    } catch (error) {
      lost = isLost(error);
      results.push({ service, count: undo.count, verdict: null, why: messageOf(error) });
    }
  }
  return results;
}

/** What was replaced and what took its place never run at once, come what may. */
function successorStays(key: string, results: readonly TakenBack[]): string | null {
  const successor = successorOf(key);
  const back = results.find(({ service }) => service === successor);
  return back === undefined || back.why === null ? null : `${back.service} could not be taken back, and may run still`;
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

/** @returns null when the old image's code is served again, or when that cannot be asked for. */
async function askAgain(
  context: Context,
  stack: Session["stack"],
  before: Observation,
  key: string,
  dagster: Dagster | null,
): Promise<string | null> {
  const service = stack.services[key];
  const image = servedImage(before, key);
  if (dagster === null || service === undefined || image === null) return null;
  if (service.kind === "webserver") {
    const asked = service.locations.map((location) => ({ location, image, timeoutSeconds: gateTimeoutSeconds }));
    const gates = await Promise.all(asked.map((expected) => loadedGate(dagster, context, expected)));
    return gates.find(({ cause }) => cause !== null)?.cause?.what ?? null;
  }
  if (service.kind !== "code-location") return null;
  const nameTtlSeconds = stack.contract["name-ttl-seconds"];
  const { cause } = await locationGate(dagster, context, {
    location: service.location,
    image,
    nameTtlSeconds,
    timeoutSeconds: gateTimeoutSeconds + nameTtlSeconds,
  });
  return cause?.what ?? null;
}

/** What a process that loads code tells of its image, by the definition that it ran on. */
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
