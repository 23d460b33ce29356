import type { Service } from "../../stack/stack.ts";
import { isReplacedRunning, type MovedService, type Observation, replacedKey } from "../observation.ts";
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
      id: `stop/${replacedKey(key)}`,
      part: "rollout",
      after,
      reason: `${key} takes its place, and the two never run at once`,
      undo: undoOf(null, observation.before[replacedKey(key)], 0),
      kind: "stop",
      service: replacedKey(key),
      name: replaces,
      from: now.revision,
    }),
  ];
}

/** What an unfinished release has moved that is not of the stack: it goes back should this one fail, after all else is back. */
export function noteOthers(moved: readonly MovedService[], draft: Draft): void {
  for (const { key, service, now, then } of moved) {
    if (service !== null || draft.steps.some(({ id }) => id === `stop/${key}`)) continue;
    draft.moved.push({ service: key, undo: undoOf(null, then, now.desiredCount) });
  }
}
