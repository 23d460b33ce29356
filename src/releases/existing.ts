import type { Place } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import { type Problem, quote, suggest } from "../stack/problems.ts";
import type { Definition, Migration, RunProcess, Service, Stack } from "../stack/stack.ts";
import {
  containerIn,
  containersOf,
  type ExistingDefinition,
  existingLive,
  logIn,
} from "../task-definitions/existing.ts";
import { memberFindings } from "../task-definitions/member-findings.ts";
import { type KnownDefinition, knownRevisions, type Observation } from "./observation.ts";

/** What is known of definitions that somebody else has written. */
export type Written = Pick<Observation, "existing" | "definitions" | "services">;

/** A definition of the stack that is taken as it is written, by the name that a plan gives it. */
export interface WrittenBy {
  readonly definition: string;
  /** `services.web`, `runs` */
  readonly by: string;
  readonly of: Exclude<Definition, { kind: "generated" }>;
  readonly sidecars: Service["sidecars"];
}

/** Definitions that the stack file takes from files, or from what runs. */
export function writtenDefinitions({ services, runs }: Pick<Stack, "services" | "runs">): readonly WrittenBy[] {
  const ofServices = Object.values(services).map(({ key, definition, sidecars }) => {
    return { definition: `service/${key}`, by: `services.${key}`, of: definition, sidecars };
  });
  const ofRuns = Object.values(runs.kind === "ecs" ? runs.definitions : {}).map(({ key, definition, sidecars }) => {
    return { definition: `run/${key}`, by: "runs", of: definition, sidecars };
  });
  return [...ofServices, ...ofRuns].flatMap(({ of, ...named }) => (of.kind === "generated" ? [] : [{ ...named, of }]));
}

/**
 * The stack with the names that it leaves to definitions of the user's own: family, container, and where their lines go. Those of
 * which nothing is known stay as they are.
 */
export function withNames(stack: Stack, written: Written): Stack {
  if (writtenDefinitions(stack).length === 0) return stack;
  const { runs } = stack;
  const services = byKey(stack.services, (service): Service => {
    const running = written.services[service.key]?.revision ?? null;
    const definition = named(service.definition, contentOf(written, `service/${service.key}`), running?.family ?? null);
    return { ...service, definition };
  });
  return {
    ...stack,
    services,
    runs:
      runs.kind === "ecs"
        ? {
            ...runs,
            definitions: byKey(runs.definitions, (run): RunProcess => {
              return { ...run, definition: named(run.definition, contentOf(written, `run/${run.key}`), null) };
            }),
          }
        : runs,
    migrations: stack.migrations.map((migration) => withLog(migration, services)),
  };
}

/** A migration `like` a service writes where that one does. */
function withLog(migration: Migration, services: Stack["services"]): Migration {
  const like = services[migration.likeService ?? ""]?.definition;
  if (like === undefined || like.kind === "generated" || like.log === null) return migration;
  return { ...migration, logGroup: like.log.group };
}

function named(definition: Definition, existing: ExistingDefinition | null, running: string | null): Definition {
  if (definition.kind === "generated") return definition;
  const content = existing?.content ?? {};
  const containers = containersOf(content);
  const container = definition.container ?? (containers.length === 1 ? (containers[0] ?? null) : null);
  const own = content["family"];
  return {
    ...definition,
    family: definition.family ?? (typeof own === "string" ? own : running),
    container,
    log: container === null ? null : logIn(containerIn(content, container)),
  };
}

/** What is to be edited; where that is not read, as for a rollback, what runs. */
function contentOf({ existing, definitions }: Written, definition: string): ExistingDefinition | null {
  const [running] = knownRevisions(definitions[definition]);
  return existing[definition] ?? (running === undefined ? null : existingLive(running.content, definition));
}

/** What runs, for each definition that is taken from there. */
export function liveDefinitions(
  stack: Pick<Stack, "services" | "runs">,
  definitions: Readonly<Record<string, KnownDefinition>>,
): Observation["existing"] {
  return Object.fromEntries(
    writtenDefinitions(stack).flatMap(({ definition, of }) => {
      const known = definitions[definition];
      const running = known?.running ?? known?.newest ?? null;
      if (of.kind !== "live" || running === null) return [];
      const { family, revision } = running.revision;
      return [[definition, existingLive(running.content, `${family}:${revision}`)]];
    }),
  );
}

/** What keeps definitions of the user's own from being edited: edits that would have no effect. */
export function existingProblems(stack: Stack, existing: Observation["existing"]): readonly Problem[] {
  const families = new Map<string, string>();
  return writtenDefinitions(stack).flatMap(({ definition, by, of, sidecars }): readonly Problem[] => {
    const found = existing[definition];
    if (found === undefined) return [];
    const { source, content } = found;
    const containers = containersOf(content);
    const family = of.family ?? content["family"];
    const problem = (what: string, fix: string): Problem => ({ where: of.place, what, fix });
    const problems: Problem[] = [];
    if (typeof family !== "string")
      problems.push(problem(`${source} names no family.`, "Add `family` to it, or to the service."));
    else if (families.has(family))
      problems.push(
        problem(
          `${by} and ${families.get(family) ?? ""} have one family, ${quote(family)}: each would replace the other's definition.`,
          "Give one of them a `family` of its own.",
        ),
      );
    else families.set(family, by);
    if (of.container === null && containers.length !== 1)
      problems.push(
        problem(
          `${source} has ${containers.length} containers, and ${by} does not say which of them runs Dagster.`,
          `Add \`container\`: ${suggest("", containers, "the definition has none.")}`,
        ),
      );
    else if (of.container !== null && !containers.includes(of.container))
      problems.push(
        problem(
          `${source} has no container ${quote(of.container)}: its image would not be set.`,
          suggest(of.container, containers, "It has no container at all."),
        ),
      );
    for (const [name, { place }] of Object.entries(sidecars)) {
      if (!containers.includes(name))
        problems.push({
          where: place,
          what: `${source} has no container ${quote(name)}: its image would not be set.`,
          fix: suggest(name, containers, "It has no container at all."),
        });
    }
    return problems;
  });
}

/** What is said of definitions of the user's own, and of what is declared for them. */
export function checkExisting(stack: Stack, { existing, environmentFile }: Observation): readonly Finding[] {
  const written = writtenDefinitions(stack).filter(({ of }) => of.kind === "file");
  const files = new Map(Object.values(existing).map((one) => [one.source, one]));
  const all = [...files.values(), ...(environmentFile === null ? [] : [environmentFile])];
  const used = new Set(all.flatMap(({ placeholders }) => placeholders));
  const where: Place = { file: stack.file, line: 1, column: 1 };
  const isWhole = written.every(({ definition }) => existing[definition] !== undefined);
  const unused = Object.keys(stack.placeholders).filter((name) => !used.has(name));
  return [
    ...[...files.values()].flatMap(memberFindings),
    ...(isWhole && (written.length > 0 || environmentFile !== null)
      ? unused.map((name): Finding => {
          return {
            id: "placeholder-unused",
            level: "warning",
            where,
            what: `Placeholder ${quote(name)} stands in no definition file, nor in the environment file: it has no effect.`,
            fix: "Remove it from `placeholders:`, or write it as $name or ${name} where it belongs.",
          };
        })
      : []),
  ];
}

function byKey<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Readonly<Record<string, U>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
