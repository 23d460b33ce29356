import { stepsBehind } from "../../domain/later.ts";
import type { Undo } from "../../domain/plan.ts";
import type { Stack } from "../../stack/stack.ts";
import { type ImageReferences, onceDefinitions } from "../definitions.ts";
import type { Observation } from "../observation.ts";
import { planDefinition } from "./definitions.ts";
import { addsSince, newRevisions } from "../revisions.ts";
import { type Draft, push, withPart } from "./draft.ts";
import type { HostChange } from "./host-change.ts";
import { planStops } from "./stops.ts";

export function planMigrations(
  stack: Stack,
  observation: Observation,
  images: ImageReferences,
  hosts: HostChange,
  draft: Draft,
): void {
  const once = new Map(
    onceDefinitions(stack, images, observation.parameters).map((wanted) => [wanted.definition, wanted]),
  );
  let previous: readonly string[] = [];
  for (const { name, image, tool } of stack.migrations) {
    const contentKey = observation.images[image]?.contentKey;
    const wanted = once.get(`once/${image}`);
    if (contentKey === undefined || wanted === undefined) continue;
    const before = observation.current?.migrations[name];
    const made = draft.target.migrations[name];
    if (before?.contentKey === contentKey) {
      draft.untouched.push({
        what: `migration ${name}`,
        why: "its image, and so its revisions, are those of the current release",
      });
      draft.target = withPart(draft.target, "migrations", name, { ...before, state: "none" });
      continue;
    }
    if (made?.contentKey === contentKey) {
      draft.untouched.push({ what: `migration ${name}`, why: "done in this release" });
      continue;
    }
    // Migrations of one image share its definition.
    const definition = draft.arns[wanted.definition] ?? planDefinition(observation, wanted, [], draft, "migrations");
    const why = before === undefined ? "it was never run for this stack" : `image ${image} is another one`;
    const reason = `${why}${newRevisions(observation, name)}`;
    const undo: Undo = { kind: "none", why: "a migration is never taken back: going back leaves the schema as it is" };
    const id = `migrate/${name}`;
    const ready = [...previous, ...stepsBehind(definition)];
    const stopped = tool === "dagster" && hosts.kind === "up" ? planStops(stack, observation, hosts, ready, draft) : [];
    previous = [
      push(draft, {
        id,
        part: "migrations",
        after: [...previous, ...stopped],
        reason,
        undo,
        kind: "run-task",
        purpose: "migrate",
        migration: name,
        definition,
        addsSince: addsSince(observation, name),
      }),
    ];
  }
}
