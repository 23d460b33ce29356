import type { Stack } from "../../stack/stack.ts";
import { isAskable, type Observation } from "../observation.ts";
import { planDrain } from "./drain.ts";
import { type Draft, push } from "./draft.ts";
import { type HostChange, hostsOf } from "./host-change.ts";
import { undoOf } from "./undo.ts";

/**
 * Daemon and webserver run nothing while Dagster's database is migrated for a new minor version: nobody of the old version writes
 * to it. Their counts are in the intent. Runs that live in them are waited for before.
 * Source: https://docs.dagster.io/deployment/guides/kubernetes/how-to-migrate-your-instance
 * @returns the steps to wait for; none for hosts that run nothing
 */
export function planStops(
  stack: Stack,
  observation: Observation,
  { from, to }: Extract<HostChange, { kind: "up" | "down" }>,
  after: readonly string[],
  draft: Draft,
): readonly string[] {
  const keys = Object.keys(stack.services);
  const drained = isAskable(stack, observation) ? planDrain(stack, observation, keys, after, draft, "migrations") : [];
  const stops: string[] = [];
  for (const host of hostsOf(stack)) {
    const id = `stop/${host.key}`;
    const observed = observation.services[host.key] ?? null;
    const runs = observed !== null && observed.desiredCount + observed.runningCount + observed.pendingCount > 0;
    if (!runs || observed.revision === null || draft.steps.some((step) => step.id === id)) continue;
    stops.push(
      push(draft, {
        id,
        part: "migrations",
        after: [...after, ...drained, ...stops],
        reason: `Dagster goes from ${from} to ${to}: nothing may use its database while it is migrated`,
        undo: undoOf(host, observation.before[host.key], 0),
        kind: "stop",
        service: host.key,
        name: host.service,
        from: observed.revision,
      }),
    );
  }
  return stops;
}
