import type { Finding } from "../domain/finding.ts";
import { canonicalJson } from "../domain/json.ts";
import { imageOf, type MigrationPart, type Release } from "../domain/release.ts";
import type { Stack } from "../stack/stack.ts";
import { minorOf } from "../dagster/versions.ts";
import { type HostChange, hostsOf, migrating } from "./plans/host-change.ts";

/**
 * Whether the code of an earlier release can live with the database as it is now: going back never migrates. Equal heads, or the
 * same image of migrations, are fine. What is current goes back to itself after a release that was cut, as that would have done by
 * itself had it failed: then it is said, and does not stand in the way.
 * @param schema what is known of each database now, by the name of its migration
 */
export function checkSchema(to: Release, schema: Release["migrations"], current: Release | null): readonly Finding[] {
  const names = [...new Set([...Object.keys(schema), ...Object.keys(to.migrations)])].sort();
  return names.flatMap((name): readonly Finding[] => {
    const [now, then] = [partOf(schema, name), partOf(to.migrations, name)];
    if (isSameSchema(now, then)) return [];
    const [newer, older] = [now?.heads ?? null, then?.heads ?? null];
    const where = `release ${to.id}`;
    if (now !== null && older !== null && onlyAdded(older, now)) {
      return [
        {
          id: "rollback-schema",
          level: "notice",
          where,
          what: `The database of migration ${name} is at ${showHeads(newer ?? [])}, and that release knows ${showHeads(older)}: the revisions in between only add, and the database stays as it is.`,
          fix: "Nothing to do: code of before works beside what was added.",
        },
      ];
    }
    if (newer !== null && older !== null) {
      return [
        {
          id: "rollback-schema",
          level: to.id === current?.id ? "warning" : "error",
          where,
          what: `The database of migration ${name} is at ${showHeads(newer)}, and that release knows ${showHeads(older)}: going back leaves the database as it is.`,
          fix: "Mend forward: a commit with the older code, and all migrations that were run. Or, when the newer migrations only add and the older code works beside them, go back with `checks: { rollback-schema: { level: warning, until: …, reason: … } }` in the stack file.",
        },
      ];
    }
    return [
      {
        id: "rollback-schema",
        level: "warning",
        where,
        what: `${unknownSince(name, now, then)}, and at which revisions the database is cannot be told: going back leaves it as it is.`,
        fix: "Nothing to do when the newer migrations only add. Otherwise mend forward: a new commit.",
      },
    ];
  });
}

/**
 * An older minor of Dagster need not understand what `dagster instance migrate` of a newer one has left behind; patches do not
 * migrate. Told for the images of webserver and daemon: they open the instance.
 */
export function checkDagster(stack: Stack, to: Release, current: Release | null): readonly Finding[] {
  const found = hostsOf(stack).flatMap((host): readonly Finding[] => {
    const now = current === null ? null : (imageOf(current, host)?.dagster ?? null);
    const then = imageOf(to, host)?.dagster ?? null;
    const [newer, older] = [minorOf(now), minorOf(then)];
    if (newer === null || older === null || older >= newer) return [];
    return [
      {
        id: "rollback-dagster",
        level: "error",
        where: `release ${to.id}`,
        what: `Image ${host.image} of that release has Dagster ${then}, and ${now} runs now: \`dagster instance migrate\` has run since, and the older Dagster may not read the schema.`,
        fix: "Mend forward: a commit with the older code on the newer Dagster. Or restore the snapshot of the database from before the upgrade, and go back with `checks: { rollback-dagster: { level: warning, until: …, reason: … } }` in the stack file.",
        source: migrating,
      },
    ];
  });
  return [...new Map(found.map((finding) => [finding.what, finding])).values()];
}

/**
 * A newer minor of Dagster wants `dagster instance migrate`, and going back runs none. Where the database is known to be as that
 * release has left it, it was run.
 */
export function checkRise(
  stack: Stack,
  to: Release,
  change: HostChange,
  schema: Release["migrations"],
): readonly Finding[] {
  if (change.kind !== "up") return [];
  const names = stack.migrations.flatMap(({ name, tool }) => (tool === "dagster" ? [name] : []));
  if (names.some((name) => isSameSchema(partOf(schema, name), partOf(to.migrations, name)))) return [];
  return [
    {
      id: "dagster-not-migrated",
      level: "warning",
      where: hostsOf(stack)[0]?.place ?? stack.file,
      what: `Dagster goes from ${change.from} to ${change.to}, and going back does not migrate its database.`,
      fix: "Nothing to do when the database was migrated for that release and was not restored since. Otherwise deploy its commit: that migrates.",
      source: migrating,
    },
  ];
}

/** Services of an earlier release that the stack file has no more, by key. */
export function servicesLeft({ services }: Stack, { taskDefinitions }: Release): readonly string[] {
  const keys = Object.keys(taskDefinitions).flatMap((definition) =>
    definition.startsWith("service/") ? [definition.slice("service/".length)] : [],
  );
  return keys.filter((key) => !Object.hasOwn(services, key));
}

/** What a rollback leaves alone, since nothing says which service of ECS it is. */
export function checkLeft(stack: Stack, to: Release): readonly Finding[] {
  return servicesLeft(stack, to).map((key) => ({
    id: "component-left",
    level: "warning",
    where: `release ${to.id}`,
    what: `That release had a service ${key}, and the stack file does not have it any more: it stays as it is, and does not belong to this release.`,
    fix: "Nothing to do when it is gone for good. Otherwise go back from a checkout whose stack file has it.",
  }));
}

/** Equal heads, or the same image of migrations. */
function isSameSchema(now: MigrationPart | null, then: MigrationPart | null): boolean {
  if (now !== null && now.contentKey === then?.contentKey) return true;
  const [newer, older] = [now?.heads ?? null, then?.heads ?? null];
  return newer !== null && older !== null && canonicalJson(newer) === canonicalJson(older);
}

function partOf(migrations: Release["migrations"], name: string): MigrationPart | null {
  return Object.hasOwn(migrations, name) ? (migrations[name] ?? null) : null; // a migration may be called "constructor"
}

/** As the plan saw them that brought the schema there. */
function onlyAdded(older: readonly string[], { addsSince }: MigrationPart): boolean {
  return older.length > 0 && older.every((head) => addsSince.includes(head));
}

function unknownSince(name: string, now: MigrationPart | null, then: MigrationPart | null): string {
  if (then === null) return `That release did not know migration ${name}`;
  if (now === null) return `Migration ${name} is not part of the current release`;
  return `Migration ${name} has been run from another image since`;
}

function showHeads(heads: readonly string[]): string {
  return heads.length === 0 ? "no revision" : heads.map((head) => head.slice(0, 40)).join(" and ");
}
