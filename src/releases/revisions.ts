import type { Finding } from "../domain/finding.ts";
import type { Step } from "../domain/plan.ts";
import { addedSince, headsOf, lacking, type Script } from "../migrations/scripts.ts";
import type { Migration, Stack } from "../stack/stack.ts";
import type { Observation } from "./observation.ts";

const expandAndContract = "https://martinfowler.com/bliki/ParallelChange.html";
/** Revisions that a plan lists by name. */
const listed = 10;

/** `; new since the current release: 0003 Give each deal a score`; empty when that cannot be known without the database. */
export function newRevisions({ scripts, current }: Observation, migration: string): string {
  const read = scripts[migration];
  const heads = current?.migrations[migration]?.heads ?? null;
  if (read?.kind !== "read" || heads === null) return "";
  const { pending } = lacking(read.scripts, heads);
  if (pending.length === 0) return "; its revisions are those of the current release";
  const names = pending.slice(0, listed).map(({ revision, doc }) => `${revision} ${doc}`.trim());
  const more = pending.length - names.length;
  return `; new since the current release: ${names.join(", ")}${more > 0 ? `, and ${more} more` : ""}`;
}

/**
 * Revisions after which a migration only adds, as a release records them: from the checkout, or from the release that is
 * promoted, whose images these are.
 */
export function addsSince(
  { scripts, promoted }: Pick<Observation, "scripts" | "promoted">,
  migration: string,
): readonly string[] {
  const read = scripts[migration];
  if (read?.kind === "read") return addedSince(read.scripts);
  return promoted?.release.migrations[migration]?.addsSince ?? [];
}

/**
 * What alembic would refuse, and what older code could not live with, before anything is built or asked: from the revisions in the
 * checkout, for the migrations that are about to be run.
 */
export function checkRevisions(
  { migrations }: Stack,
  { scripts, current }: Observation,
  steps: readonly Step[],
): readonly Finding[] {
  const due = new Set(steps.flatMap((step) => (step.kind === "run-task" ? [step.migration] : [])));
  return migrations.flatMap((migration) => {
    const read = scripts[migration.name];
    if (read === undefined || !due.has(migration.name)) return [];
    if (read.kind === "unread") return [unread(migration, read.why)];
    const several = headsOf(read.scripts);
    if (several.length > 1) return [severalHeads(migration, several, read.scripts)];
    const heads = current?.migrations[migration.name]?.heads ?? null;
    // Before the first release no code runs; and what an older record does not tell, only the database knows.
    if (heads === null) return [];
    const { pending, unknown } = lacking(read.scripts, heads);
    if (unknown.length > 0) return [ahead(migration, unknown)];
    return migration.policy === "allow-destructive" ? [] : pending.flatMap(destructive);
  });
}

function unread({ name, place }: Migration, why: string): Finding {
  return {
    id: "migration-unread",
    level: "notice",
    where: place,
    what: `The revisions of migration ${name} are not looked at before it is run: ${why}.`,
    fix: "Nothing to do: the task that runs it looks at them.",
  };
}

function severalHeads({ name, place }: Migration, heads: readonly string[], scripts: readonly Script[]): Finding {
  const paths = heads.map((head) => scripts.find(({ revision }) => revision === head)?.path ?? head);
  return {
    id: "migration-heads",
    level: "error",
    where: place,
    what: `The revisions of migration ${name} have several heads: ${heads.join(", ")} (${paths.join(", ")}).`,
    fix: "Two branches have each added one. Join them with `alembic merge heads`, or let the later one come after the other.",
    source: "https://alembic.sqlalchemy.org/en/latest/branches.html",
  };
}

function ahead({ name, place }: Migration, unknown: readonly string[]): Finding {
  return {
    id: "migration-ahead",
    level: "error",
    where: place,
    what: `The current release has brought the schema of migration ${name} to ${unknown.join(", ")}, which this checkout does not have.`,
    fix: "Merge the branch that is released, so that its revisions are in this commit; or restore the file.",
  };
}

function destructive({ revision, isContract, breaking }: Script): readonly Finding[] {
  if (isContract) return [];
  return breaking.map(({ place, what }) => ({
    id: "migration-destructive",
    level: "error",
    where: place,
    what: `Revision ${revision} ${what}: the code of the current release, which runs while it is applied and after a rollback, may not live with that.`,
    fix: "Release code that does without it first. When no code that runs needs it any more, write `# dagster-ecs: contract` into the file.",
    source: expandAndContract,
  }));
}
