import {
  observeServices,
  observeSettledRevision,
  type ServiceObservation,
  settledRevision,
} from "../../deployments/index.ts";
import type { Before } from "../../domain/journal.ts";
import type { Revision } from "../../domain/verdict.ts";
import type { Stack } from "../../stack/index.ts";
import type { Clients } from "../connections.ts";
import { beforeUnfinished, type History } from "../history.ts";
import { type Observation, renamedKey, replacedKey } from "../observation.ts";

/**
 * By the key that the stack file gives them; then what they replace, and what else unfinished releases have found, as far as that is
 * there.
 */
export async function observeServicesByKey(
  { ecs }: Pick<Clients, "ecs">,
  stack: Stack,
  history: Pick<History, "unfinished">,
): Promise<Readonly<Record<string, ServiceObservation | null>>> {
  const all = Object.values(stack.services);
  const own = all.map(({ key, service }) => [key, service] as const);
  const replaced = all.flatMap(({ key, replaces }) =>
    replaces === null ? [] : [[replacedKey(key), replaces] as const],
  );
  const left = leftServices([...own, ...replaced], history);
  const names = [...own, ...replaced, ...left].map(([, name]) => name);
  const found = await observeServices(ecs, stack.contract.cluster, names);
  const others = [
    ...replaced.flatMap(([key, name]) => (found[name] ? [[key, found[name]] as const] : [])),
    // One that was deleted is listed for a while, and goes back to nothing.
    ...left.flatMap(([key, name]) => (found[name]?.status === "ACTIVE" ? [[key, found[name]] as const] : [])),
  ];
  return Object.fromEntries([...own.map(([key, name]) => [key, found[name] ?? null] as const), ...others]);
}

/** Services that unfinished releases have found, and the stack file does not name any more: under their former keys where these are free. */
function leftServices(
  known: readonly (readonly [key: string, name: string])[],
  history: Pick<History, "unfinished">,
): readonly (readonly [key: string, name: string])[] {
  const taken = new Set(known.map(([key]) => key));
  const names = new Set(known.map(([, name]) => name));
  return [...beforeUnfinished(history)].flatMap(([name, { key }]) => {
    if (names.has(name)) return [];
    const free = taken.has(key) ? renamedKey(name) : key;
    taken.add(free);
    return [[free, name] as const];
  });
}

/**
 * As they are now; but where a release was cut or has failed, as they were before it, and where somebody else is bringing one to
 * something, what it has come to run before that.
 */
export async function observeBefore(
  { ecs }: Pick<Clients, "ecs">,
  services: Observation["services"],
  history: Pick<History, "unfinished">,
): Promise<Observation["before"]> {
  const noted = beforeUnfinished(history);
  const settled = Object.entries(services).map(async ([key, service]) => {
    if (service === null || noted.has(service.name)) return [key, null] as const;
    // What is to run no task is brought to nothing.
    const settledAt =
      service.desiredCount === 0 ? settledRevision(service) : await observeSettledRevision(ecs, service);
    return [key, settledAt] as const;
  });
  return beforeOf(services, history, Object.fromEntries(await Promise.all(settled)));
}

/** @param settled what services have come to run, by their keys; those that it lacks run what they are asked to run */
export function beforeOf(
  services: Observation["services"],
  history: Pick<History, "unfinished">,
  settled: Readonly<Record<string, Revision | null>> = {},
): Observation["before"] {
  const former = beforeUnfinished(history);
  const before = Object.entries(services).flatMap(([key, service]): [string, Before][] => {
    if (service === null) return [];
    const { name, revision, desiredCount } = service;
    const taskDefinition = settled[key] ?? revision;
    return [[key, former.get(name)?.before ?? { service: name, taskDefinition, desiredCount }]];
  });
  return Object.fromEntries(before);
}
