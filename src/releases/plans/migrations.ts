import { contentHash } from "../../domain/json.ts";
import { stepsBehind } from "../../domain/later.ts";
import type { Undo } from "../../domain/plan.ts";
import { isWhole, type MigrationPart } from "../../domain/release.ts";
import type { Migration, Stack } from "../../stack/stack.ts";
import { type ImageReferences, onceDefinitions } from "../definitions.ts";
import type { Observation } from "../observation.ts";
import { planDefinition } from "./definitions.ts";
import { addsSince, newRevisions } from "../revisions.ts";
import { type Draft, push, withPart } from "./draft.ts";
import type { HostChange } from "./host-change.ts";
import { planStops } from "./stops.ts";

/** Adds a step for each migration that may have something to do, one after the other; that of Dagster's database last when its hosts get a newer minor version, since they are stopped for it. */
export function planMigrations(
  stack: Stack,
  observation: Observation,
  images: ImageReferences,
  hosts: HostChange,
  draft: Draft,
): void {
  const once = new Map(onceDefinitions(stack, images, observation).map((wanted) => [wanted.definition, wanted]));
  let previous: readonly string[] = [];
  for (const migration of inOrderFor(hosts, stack.migrations)) {
    const { name, image, tool } = migration;
    const contentKey = observation.images[image]?.contentKey;
    const wanted = once.get(`once/${image}`);
    if (contentKey === undefined || wanted === undefined) continue;
    const settings = settingsOf(migration);
    const isAlike = (part: MigrationPart): boolean => part.settings === null || part.settings === settings;
    const isDone = (part: MigrationPart | undefined): part is MigrationPart =>
      part?.contentKey === contentKey && isAlike(part) && isWhole(part);
    const before = observation.current?.migrations[name];
    // After a rollback the schema is ahead of the image that is current: to release that image again migrates nothing either.
    if (before?.runsOlder === contentKey && isAlike(before)) {
      draft.untouched.push({
        what: `migration ${name}`,
        why: "its image is the one that was gone back to, which runs on the schema as it is",
      });
      draft.target = withPart(draft.target, "migrations", name, { ...before, state: "none" });
      continue;
    }
    if (isDone(before)) {
      draft.untouched.push({
        what: `migration ${name}`,
        why: "its image, and so its revisions, are those of the current release",
      });
      draft.target = withPart(draft.target, "migrations", name, { ...before, state: "none", settings });
      continue;
    }
    if (isDone(draft.target.migrations[name])) {
      draft.untouched.push({ what: `migration ${name}`, why: "done in this release" });
      continue;
    }
    // Migrations of one image share its definition.
    const definition =
      draft.arns[wanted.definition] ?? planDefinition(stack, observation, wanted, [], draft, "migrations");
    const reason = `${whyDue(before, image, contentKey)}${newRevisions(observation, name)}`;
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

/** With hosts that stand still meanwhile Dagster's own comes last: what else there is to migrate keeps nothing down. */
function inOrderFor({ kind }: HostChange, migrations: Stack["migrations"]): Stack["migrations"] {
  if (kind !== "up") return migrations;
  const isOfDagster = ({ tool }: Stack["migrations"][number]): boolean => tool === "dagster";
  return [...migrations.filter((one) => !isOfDagster(one)), ...migrations.filter(isOfDagster)];
}

/** Hash of what is run in the image of a migration, and where. */
export function settingsOf({ tool, command, workdir }: Migration): string {
  return contentHash({ tool, command, workdir });
}

function whyDue(before: MigrationPart | undefined, image: string, contentKey: string): string {
  if (before === undefined) return "it was never run for this stack";
  return before.contentKey === contentKey
    ? "its `tool`, `command` or `workdir` is another one"
    : `image ${image} is another one`;
}
