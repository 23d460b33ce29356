import type { Before } from "../../domain/journal.ts";
import type { Undo } from "../../domain/plan.ts";
import type { Service } from "../../stack/stack.ts";
import { isScaled } from "../observation.ts";

/**
 * What takes a service back to what it was before.
 * @param service null for one that is not of the stack
 * @param count desired tasks when it is taken back: at 0 nothing scales it, and its former count is needed
 */
export function undoOf(service: Service | null, before: Before | undefined, count: number): Undo {
  if (before === undefined) return { kind: "none", why: "it is not known what it was before" };
  const { service: name, taskDefinition, desiredCount } = before;
  const leave = service !== null && isScaled(service) && desiredCount > 0 && count > 0;
  return { kind: "roll", service: name, to: taskDefinition, count: leave ? null : desiredCount };
}
