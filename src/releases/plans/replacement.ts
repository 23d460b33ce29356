import type { Undo } from "../../domain/plan.ts";
import type { Service, Stack } from "../../stack/stack.ts";
import { isReplacedRunning, type MovedService, type Observation, replacedKey, successorOf } from "../observation.ts";
import { type Draft, push } from "./draft.ts";
import { undoOf } from "./undo.ts";

/**
 * Stops what a service replaces, right before it starts itself. A service whose definition is not known stays as it is, and so does
 * what it replaces.
 * @returns the id of the step; none when there is nothing to stop
 */
export function planReplacement(
  service: Service,
  observation: Observation,
  after: readonly string[],
  draft: Draft,
): readonly string[] {
  const { key, replaces } = service;
  if (replaces === null || draft.arns[`service/${key}`] === undefined) return [];
  const now = observation.services[replacedKey(key)] ?? null;
  if (now === null || now.revision === null || !isReplacedRunning(service, observation)) {
    const why = now === null ? "the cluster has no service of that name" : "it runs no task";
    draft.untouched.push({ what: `service ${replaces}, which ${key} replaces`, why });
    return [];
  }
  return [
    push(draft, {
      id: stopId(replaces),
      part: "rollout",
      after,
      reason: `${key} takes its place, and the two never run at once`,
      undo: undoOfReplaced(service, observation),
      kind: "stop",
      service: replacedKey(key),
      name: replaces,
      from: now.revision,
    }),
  ];
}

/** What an unfinished release has moved that is not of the stack: it goes back should this one fail, after all else is back. */
export function noteOthers(
  { services }: Pick<Stack, "services">,
  observation: Observation,
  moved: readonly MovedService[],
  draft: Draft,
): void {
  for (const { key, service, now, former } of moved) {
    if (service !== null || draft.steps.some(({ id }) => id === stopId(now.name))) continue;
    const successor = services[successorOf(key) ?? ""];
    const undo =
      successor === undefined ? undoOf(null, former, now.desiredCount) : undoOfReplaced(successor, observation);
    draft.moved.push({ service: key, undo });
  }
}

/** People read it: it says ECS's name. No key of a host holds a slash. */
function stopId(name: string): string {
  return `stop/replaced/${name}`;
}

/** Where a release has handed over already, the successor goes back to running: the two never run at once, whoever has started the other. */
function undoOfReplaced({ key }: Service, { before, current }: Observation): Undo {
  const runs = (before[key]?.desiredCount ?? 0) > 0;
  if (runs && current?.taskDefinitions[`service/${key}`] !== undefined)
    return { kind: "none", why: `${key} has taken its place already, and the two never run at once: it stays stopped` };
  return undoOf(null, before[replacedKey(key)], 0);
}
