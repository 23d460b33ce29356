import type { Part, Undo } from "../../domain/plan.ts";
import type { Stack } from "../../stack/stack.ts";
import { holdsRuns, isRunningHolder } from "../hosts.ts";
import { isReplacedRunning, type Observation } from "../observation.ts";
import { type Draft, push } from "./draft.ts";

/**
 * Waits for runs that live in what is about to move, once, before any of it does: what was waited for then is not ended, and a
 * release that waits in vain has touched nothing.
 * @param moving keys of the services that are to roll
 * @returns the id of the step; none when nothing that holds runs is ended
 */
export function planDrain(
  stack: Stack,
  observation: Observation,
  moving: readonly string[],
  after: readonly string[],
  draft: Draft,
  part: Part = "rollout",
): readonly string[] {
  const { runs } = stack;
  if (runs.kind !== "in-process" || draft.steps.some(({ kind }) => kind === "drain")) return [];
  const holders = Object.values(stack.services).flatMap((service) => {
    const ends = moving.includes(service.key) && isRunningHolder(stack, observation, service.key);
    const stops = holdsRuns(stack, service) && isReplacedRunning(service, observation);
    return ends || stops ? [service.key] : [];
  });
  if (holders.length === 0) return [];
  const undo: Undo = { kind: "none", why: "waiting changes nothing" };
  const reason = "their runs live in them, and would end with them";
  const { drainMinutes: minutes } = runs;
  return [push(draft, { id: "drain", part, after, reason, undo, kind: "drain", holders, minutes })];
}
