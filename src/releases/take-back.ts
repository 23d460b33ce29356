import { takeBack } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import { messageOf } from "../domain/errors.ts";
import type { Step } from "../domain/plan.ts";
import { isGood, type Verdict } from "../domain/verdict.ts";
import { locationGate } from "../gates/location.ts";
import type { Dagster } from "../dagster/client.ts";
import type { Stack } from "../stack/index.ts";
import type { Clients } from "./clients.ts";
import type { Observation } from "./observation.ts";

/** How one service was taken back. */
export interface TakenBack {
  /** Its key. */
  readonly service: string;
  /** null: it could not be tried; `why` says it. */
  readonly verdict: Verdict | null;
  /** null: it is as it was before. */
  readonly why: string | null;
}

const timeoutSeconds = 30 * 60;
const gateTimeoutSeconds = 60;

/**
 * Takes back the services that moved, the last one first, each to what was observed before; a code location must then be served
 * from its old image again. One that cannot be taken back does not keep the others from it.
 */
export async function takeAllBack(
  clients: Clients,
  context: Context,
  stack: Stack,
  before: Observation,
  moved: readonly Step[],
  dagster: Dagster | null,
): Promise<readonly TakenBack[]> {
  const results: TakenBack[] = [];
  for (const step of moved.toReversed()) {
    if (step.kind !== "roll" || step.undo.kind === "none") continue;
    results.push(await takeOneBack(clients, context, stack, before, step, dagster));
  }
  return results;
}

async function takeOneBack(
  clients: Clients,
  context: Context,
  stack: Stack,
  before: Observation,
  step: Extract<Step, { kind: "roll" }>,
  dagster: Dagster | null,
): Promise<TakenBack> {
  const { undo, service: key } = step;
  if (undo.kind === "none") return { service: key, verdict: null, why: undo.why };
  try {
    const [to, count] =
      undo.kind === "roll" ? [undo.to, undo.count] : [before.services[key]?.revision ?? null, undo.count];
    const verdict = await takeBack(clients, context, {
      cluster: stack.contract.cluster,
      service: undo.service,
      to,
      count,
      timeoutSeconds,
    });
    if (!isGood(verdict.verdict))
      return { service: key, verdict, why: verdict.cause?.what ?? `it ended as ${verdict.verdict}` };
    const why = count === 0 ? null : await askAgain(context, stack, before, key, dagster);
    return { service: key, verdict, why };
  } catch (error) {
    return { service: key, verdict: null, why: messageOf(error) };
  }
}

/** @returns null when the location is served from its old image, or when that cannot be asked for. */
async function askAgain(
  context: Context,
  stack: Stack,
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
    timeoutSeconds: gateTimeoutSeconds,
  });
  return cause?.what ?? null;
}

/** What a code server tells of its image, by the definition that it ran on. */
export function servedImage({ definitions }: Observation, key: string): string | null {
  const content = definitions[`service/${key}`]?.running?.content as
    | {
        readonly containerDefinitions?: readonly {
          readonly environment?: readonly { readonly name: string; readonly value: string }[];
        }[];
      }
    | undefined;
  const variables = content?.containerDefinitions?.flatMap(({ environment }) => environment ?? []) ?? [];
  return variables.find(({ name }) => name === "DAGSTER_CURRENT_IMAGE")?.value ?? null;
}
