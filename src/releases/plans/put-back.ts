import type { Stack } from "../../stack/stack.ts";
import { isRenamed, type MovedService, shownName, successorOf } from "../observation.ts";
import { type Draft, push } from "./draft.ts";

/**
 * What an unfinished release has moved, and nothing of this plan brings anywhere, goes back to what it was before: a daemon that was
 * stopped for one which this release does not have runs again. Last, one after the other, what was replaced after all else: it never
 * runs beside what has taken its place.
 * @param moved in this order, what was replaced last
 */
export function planPutBack({ services }: Pick<Stack, "services">, moved: readonly MovedService[], draft: Draft): void {
  const isBrought = ({ key, now }: MovedService): boolean => {
    if (isRenamed(key)) return true; // the findings say so
    const successor = successorOf(key);
    const service = services[successor ?? key];
    const isPlanned = service !== undefined && draft.arns[`service/${service.key}`] !== undefined;
    return isPlanned && (successor === null || service.replaces === now.name);
  };
  for (const one of moved) {
    const { key, now } = one;
    const { undo } = draft.moved.find(({ service }) => service === key) ?? {};
    if (isBrought(one) || undo?.kind !== "roll") continue;
    const { to, count } = undo;
    push(draft, {
      id: `put-back/${shownName(key, now.name)}`,
      part: "rollout",
      after: draft.steps.filter(({ part }) => part !== "images").map(({ id }) => id),
      reason: "a release that was cut, or failed, has moved it, and this one does not run it",
      undo,
      kind: "put-back",
      service: key,
      name: now.name,
      from: now.revision,
      to,
      count,
    });
  }
}
