import type { Before } from "../../domain/journal.ts";
import type { Undo } from "../../domain/plan.ts";
import type { Service } from "../../stack/stack.ts";
import { hasMoved, isReplacedRunning, type Observation, replacedKey } from "../observation.ts";
import { type Draft, push } from "./draft.ts";

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
      undo: undoOf(observation.before[replacedKey(key)]),
      kind: "stop",
      service: replacedKey(key),
      name: replaces,
      from: now.revision,
    }),
  ];
}

/** What an unfinished release has stopped, and this one need not: it runs again should this one fail, after all else is back. */
export function noteReplaced(services: readonly Service[], { services: now, before }: Observation, draft: Draft): void {
  for (const { key } of services) {
    const [observed, then] = [now[replacedKey(key)] ?? null, before[replacedKey(key)]];
    if (observed === null || then === undefined || !hasMoved(null, observed, then)) continue;
    if (draft.steps.some(({ id }) => id === `stop/${replacedKey(key)}`)) continue;
    draft.moved.push({ service: replacedKey(key), undo: undoOf(then) });
  }
}

function undoOf(before: Before | undefined): Undo {
  if (before === undefined) return { kind: "none", why: "it is not known what it was before" };
  const { service, taskDefinition, desiredCount } = before;
  return { kind: "roll", service, to: taskDefinition, count: desiredCount };
}
