import type { Before } from "../../domain/journal.ts";
import type { Release } from "../../domain/release.ts";
import { type Revision, sameRevision } from "../../domain/verdict.ts";
import type { Stack } from "../../stack/index.ts";
import type { Definition } from "../../task-definitions/definition.ts";
import { definitionOf, newestDefinition } from "../../task-definitions/observe.ts";
import type { Clients } from "../connections.ts";
import { familiesOf } from "../definitions.ts";
import type { KnownDefinition, Observation } from "../observation.ts";

/** Task definitions, by the name that the plan gives them. */
export async function observeDefinitions(
  { ecs }: Clients,
  stack: Stack,
  services: Observation["services"],
  before: Observation["before"],
  current: Release | null,
): Promise<Readonly<Record<string, KnownDefinition>>> {
  const known = await Promise.all(
    familiesOf(stack).map(async ({ definition, family }) => {
      const key = definition.startsWith("service/") ? definition.slice("service/".length) : null;
      const newest = await newestDefinition(ecs, family);
      const pinned = current?.taskDefinitions[definition];
      const ofService =
        key === null
          ? { running: null, former: null, released: await releasedDefinition(ecs, pinned, newest) }
          : await definitionsOfService(ecs, services[key] ?? null, before[key], pinned, newest);
      return [definition, { newest, ...ofService }] as const;
    }),
  );
  return Object.fromEntries(known);
}

/** What the current release names, where that is not the newest of its family: after a rollback, say. */
function releasedDefinition(
  ecs: Clients["ecs"],
  pinned: Revision | undefined,
  newest: Definition | null,
): Promise<Definition | null> | null {
  return pinned === undefined || sameRevision(pinned, newest?.revision ?? null) ? null : definitionOf(ecs, pinned);
}

/**
 * What a service runs, what it ran before an unfinished release, and what it should run when somebody has deployed something else.
 * @param pinned by the current release
 * @param known a definition that was read already
 */
export async function definitionsOfService(
  ecs: Clients["ecs"],
  service: Observation["services"][string],
  before: Before | undefined,
  pinned: Revision | undefined,
  known: Definition | null = null,
): Promise<Pick<KnownDefinition, "running" | "former" | "released">> {
  const now = service?.revision ?? null;
  const then = before?.taskDefinition ?? null;
  const isForeign = pinned !== undefined && sameRevision(then, now) && !sameRevision(pinned, now);
  const read = (revision: Revision): Promise<Definition | null> | Definition =>
    known !== null && sameRevision(known.revision, revision) ? known : definitionOf(ecs, revision);
  const [running, former, released] = await Promise.all([
    now === null ? null : read(now),
    then === null || sameRevision(then, now) ? null : read(then),
    isForeign ? read(pinned) : null,
  ]);
  return { running, former, released };
}
