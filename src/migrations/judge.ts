import * as z from "zod";
import { type Untrusted, untrusted } from "../domain/evidence.ts";
import { parsedJson } from "../domain/json.ts";
import type { Cause } from "../domain/verdict.ts";
import { showContainerEnd, type TaskEnd } from "../tasks/judge.ts";
import type { MigrationTool } from "./command.ts";
import { type Models, modelsReport, modelsWords, readModels } from "./models.ts";

/** What a migration did to the schema, as far as its tool tells. */
export interface MigrationEnd {
  /** null: the schema is where the image wants it. */
  readonly cause: Cause | null;
  /** Was there nothing to do? null: the tool does not tell. */
  readonly unchanged: boolean | null;
  /** Revisions that the schema was at, and is at now, sorted; null: not known. */
  readonly before: readonly string[] | null;
  readonly after: readonly string[] | null;
  readonly applied: readonly AppliedRevision[];
  /** null: not asked for, or the schema is not at head. */
  readonly models: Models | null;
  /** For people: one line. */
  readonly said: string;
}

/** A revision that was begun; whether it stayed is told by the heads. */
export interface AppliedRevision {
  readonly revision: string;
  /** First paragraph of its docstring. */
  readonly doc: Untrusted;
}

/** Is the last line there, after which the programs write no more? */
export function isWholeReport(lines: readonly string[]): boolean {
  return lines.some((line) => ends.safeParse(parsedJson(line)).success);
}

/**
 * Judges a migration by the exit code of its container, which nobody can forge; what its program reports tells the rest.
 * @param lines of the report, without their marks
 */
export function judgeMigration(tool: Judged, name: string, end: TaskEnd, lines: readonly string[]): MigrationEnd {
  const { kind } = tool;
  const report = lines.flatMap((line) => ends.safeParse(parsedJson(line)).data ?? []).at(-1) ?? null;
  const applied = lines.flatMap((line) => {
    const { data } = revisions.safeParse(parsedJson(line));
    return data === undefined ? [] : [{ revision: data.revision, doc: untrusted(data.doc) }];
  });
  const known = { before: report?.before ?? null, after: report?.after ?? null, applied };
  const cause = causeOf(kind, name, end, report);
  if (cause !== null) return { ...known, cause, models: null, unchanged: null, said: cause.what };
  const unchanged = report === null ? null : report.end === "none";
  const compared = lines.flatMap((line) => modelsReport.safeParse(parsedJson(line)).data ?? []).at(-1) ?? null;
  const models = tool.kind === "alembic" && tool.checkModels ? readModels(compared) : null;
  const said = [goodWords(report, applied), lockWords(report), modelsWords(models)].join("");
  return { ...known, cause, models, unchanged, said };
}

/** What of a tool it depends on. */
type Judged =
  | { readonly kind: Exclude<MigrationTool["kind"], "alembic"> }
  | Pick<Extract<MigrationTool, { readonly kind: "alembic" }>, "kind" | "checkModels">;

const revision = z.string().min(1).max(200);
const revisions = z.object({ revision, doc: z.string() });
const ends = z.object({
  end: z.string(),
  /** `void`: sessions are shared, so it keeps nobody off. */
  lock: z.enum(["held", "void", "none"]),
  database: z.string().nullable(),
  heads: z.array(revision),
  before: z.array(revision).nullable(),
  after: z.array(revision).nullable(),
  unknown: z.array(revision).nullable(),
});
type Report = z.output<typeof ends>;

function goodWords(report: Report | null, applied: readonly AppliedRevision[]): string {
  if (report === null) return "done";
  const at = show(report.after);
  if (report.end === "none") return `nothing to do: the schema is at ${at}`;
  const steps =
    applied.length === 0 ? "" : ` by ${applied.length === 1 ? "1 revision" : `${applied.length} revisions`}`;
  return `from ${show(report.before)} to ${at}${steps}`;
}

function lockWords(report: Report | null): string {
  if (report === null || report.lock === "held") return "";
  if (report.lock === "void")
    return "; the lock kept nobody off: a pooler between the task and PostgreSQL shares sessions, so let migrations connect past it";
  const { database } = report;
  return `; without a lock, which only PostgreSQL has (${database === null ? "which database this is cannot be told" : `this is ${database}`})`;
}

function causeOf(kind: MigrationTool["kind"], name: string, end: TaskEnd, report: Report | null): Cause | null {
  if (end.kind === "never-started") {
    return {
      id: "migration-never-started",
      what: `Migration ${name} never started (${end.stopCode}): nothing was changed in the database.`,
      fix: end.advice,
    };
  }
  const { exitCode } = end;
  if (exitCode === 0) return null;
  const told = kind === "command" ? undefined : refusals[exitCode];
  if (told !== undefined) return told(name, report);
  const others = end.others.filter((other) => other.exitCode !== 0).map(showContainerEnd);
  const beside = others.length === 0 ? "" : ` Beside it: ${others.join("; ")}.`;
  if (end.stopCode !== "EssentialContainerExited" || /OutOfMemory/i.test(end.reason)) {
    return {
      id: "migration-stopped",
      what: `Migration ${name} was stopped (exit code ${exitCode}): ${end.reason}.${beside}${standing(report)}`,
      fix: "What it had not committed, the database takes back. Mend what the reason names, and run this again: it goes on from where the schema is.",
    };
  }
  return {
    id: "migration-failed",
    what: `Migration ${name} ended with exit code ${exitCode}.${beside}${standing(report)}`,
    fix: "Its last lines say why. A migration runs in a transaction where the database allows it: see what was applied before you run it again.",
  };
}

/** What the programs refuse, or cannot do, by their exit codes. */
const refusals: Readonly<Record<number, (name: string, report: Report | null) => Cause>> = {
  80: (name, report) => ({
    id: "migration-heads",
    what: `The migrations of ${name} have several heads (${show(report?.heads)}): nobody knows which is the newest. Nothing was migrated.`,
    fix: "Join them with `alembic merge heads`, and release that commit.",
  }),
  81: (name, report) => ({
    id: "migration-ahead",
    what: `The database of ${name} is at ${show(report?.unknown)}, which this image does not know: it is ahead of this image, or belongs to another application. Nothing was migrated.`,
    fix: "Release a commit that has this revision. To go back to older code use `rollback`, which leaves the schema as it is.",
  }),
  82: (name) => ({
    id: "migration-unreachable",
    what: `Migration ${name} cannot reach its database, or is not let in. Nothing was migrated.`,
    fix: "Its last lines say why. Check host and password, and that the security group of the database lets the tasks in.",
  }),
  83: (name) => ({
    id: "migration-locked",
    what: `Migration ${name} was not begun: another one holds the lock of the database. Nothing was migrated.`,
    fix: "Wait until it is done, and run this again; or raise `lock-timeout:` of the migration in the stack file, in seconds. In the database, pg_locks shows who holds the advisory lock, and pg_stat_activity what an earlier one has left at work.",
  }),
  84: (name, report) => ({
    id: "migration-lock-timeout",
    what: `Migration ${name} waited too long for a lock that somebody else holds in the database.${standing(report)}`,
    fix: "A query or run that uses the same table holds it: see pg_stat_activity. Run this again when it is over, or raise `lock-timeout:` of the migration in the stack file, in seconds; while it waits, everybody else waits for it.",
  }),
  85: (name, report) => ({
    id: "migration-statement-timeout",
    what: `A statement of migration ${name} took longer than \`statement-timeout\`.${standing(report)}`,
    fix: "Give it more seconds, or split the migration.",
  }),
};

function standing(report: Report | null): string {
  if (report === null) return "";
  if (report.before === null && report.after === null) return " Where the schema stands is not known.";
  if (report.after === null)
    return ` Before it the schema was at ${show(report.before)}; where it is now is not known.`;
  const same = JSON.stringify(report.after) === JSON.stringify(report.before);
  return same ? ` The schema is at ${show(report.after)}, as before.` : ` The schema is at ${show(report.after)} now.`;
}

function show(heads: readonly string[] | null | undefined): string {
  if (heads === null || heads === undefined) return "an unknown revision";
  return heads.length === 0 ? "its beginning" : heads.join(", ");
}
