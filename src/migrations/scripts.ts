import type { Place } from "../domain/errors.ts";

/** One file of a versions folder, by its path in the repository. */
export interface ScriptFile {
  readonly path: string;
  readonly text: string;
}

/** What can be read of one of alembic's revisions without running it. */
export interface Script {
  readonly path: string;
  readonly revision: string;
  /** Revisions that it comes after; none for a first one, several for a merge. */
  readonly after: readonly string[];
  /** First paragraph of its docstring, in one line. */
  readonly doc: string;
  /** It says of itself that older code need not live with it: `# dagster-ecs: contract`. */
  readonly isContract: boolean;
  /** What code of the release before cannot live with, in the order of the file. */
  readonly breaking: readonly BreakingOperation[];
}

export interface BreakingOperation {
  readonly place: Place;
  /** As a clause: `drops a table`. */
  readonly what: string;
}

/** @returns null for a file that is no revision. */
export function parseScript({ path, text }: ScriptFile): Script | null {
  const code = blanked(text, "comments");
  const revision = assigned(code, "revision");
  const [id] = revision === null ? [] : quoted(revision);
  if (id === undefined) return null;
  return {
    path,
    revision: id,
    after: quoted(assigned(code, "down_revision") ?? ""),
    doc: docOf(code),
    isContract: /^\s*#\s*dagster-ecs:\s*contract\b/m.test(text),
    breaking: breakingOperations(path, text),
  };
}

/** Revisions after which none comes, sorted. */
export function headsOf(scripts: readonly Script[]): readonly string[] {
  const followed = new Set(scripts.flatMap(({ after }) => after));
  return scripts.flatMap(({ revision }) => (followed.has(revision) ? [] : [revision])).sort();
}

/** Revisions that a schema at these heads lacks, each after those that it builds on; heads that are not among the scripts. */
export function lacking(
  scripts: readonly Script[],
  heads: readonly string[],
): { readonly pending: readonly Script[]; readonly unknown: readonly string[] } {
  const byRevision = new Map(scripts.map((script) => [script.revision, script]));
  const there = new Set<string>();
  const left = [...heads];
  for (let revision = left.pop(); revision !== undefined; revision = left.pop()) {
    if (there.has(revision)) continue;
    there.add(revision);
    left.push(...(byRevision.get(revision)?.after ?? []));
  }
  const pending: Script[] = [];
  const placed = new Set(there);
  const rest = scripts.filter(({ revision }) => !there.has(revision));
  for (;;) {
    const ready = rest.filter(({ revision, after }) => {
      return !placed.has(revision) && after.every((before) => placed.has(before) || !byRevision.has(before));
    });
    if (ready.length === 0) break; // the rest wait for each other, which alembic says better
    for (const script of ready) {
      pending.push(script);
      placed.add(script.revision);
    }
  }
  return { pending, unknown: heads.filter((head) => !byRevision.has(head)).sort() };
}

/** As many revisions back are told; a release has all of them in its record. */
const toldBack = 50;

/**
 * Revisions after which only additions follow, up to the head: newest first, the head itself among them. Empty when there is no one
 * head.
 */
export function addedSince(scripts: readonly Script[]): readonly string[] {
  const [head, ...others] = headsOf(scripts);
  if (head === undefined || others.length > 0) return [];
  const inOrder = lacking(scripts, []).pending.map(({ revision }) => revision);
  const onlyAdds = (revision: string): boolean =>
    lacking(scripts, [revision]).pending.every(({ isContract, breaking }) => !isContract && breaking.length === 0);
  return inOrder.toReversed().slice(0, toldBack).filter(onlyAdds);
}

/** Right side of an assignment at the top of a module: one line, or what is in brackets. */
function assigned(code: string, name: string): string | null {
  const found = new RegExp(`^${name}(?:[ \\t]*:[^=\\n]+)?[ \\t]*=[ \\t]*(\\([^)]*\\)|\\[[^\\]]*\\]|[^\\n]*)`, "m").exec(
    code,
  );
  return found?.[1] ?? null;
}

function quoted(text: string): readonly string[] {
  return [...text.matchAll(/(["'])(.*?)\1/g)].flatMap(([, , inside]) => inside ?? []);
}

function docOf(code: string): string {
  const [, , doc = ""] = /^\s*[rRuU]?("""|''')([\s\S]*?)\1/.exec(code) ?? /^\s*[rRuU]?(["'])(.*?)\1/.exec(code) ?? [];
  const [paragraph = ""] = doc.trim().split(/\n\s*\n/);
  return paragraph.replaceAll(/\s+/g, " ").slice(0, 200);
}

/** What old code relies on and a revision may take away, by the operation of alembic that does it. */
const judgements: Readonly<Record<string, (args: string) => string | null>> = {
  drop_table: () => "drops a table",
  rename_table: () => "renames a table",
  drop_column: () => "drops a column",
  alter_column: (args) =>
    /\btype_\s*=/.test(args)
      ? "changes the type of a column"
      : /\bnew_column_name\s*=/.test(args)
        ? "renames a column"
        : isNotNull(args) && !isFilled(args)
          ? "forbids null in a column that old code may leave out"
          : null,
  add_column: (args) =>
    isNotNull(args) && !isFilled(args)
      ? "adds a column that old code does not fill: not null, without a server default"
      : null,
  execute: (args) => statements.find(({ form }) => form.test(sqlOf(args)))?.what ?? null,
};

function isNotNull(args: string): boolean {
  return /\bnullable\s*=\s*False\b/.test(args);
}

/** The database fills it where a program does not. */
function isFilled(args: string): boolean {
  const [, given] = /(?<!existing_)\bserver_default\s*=\s*(\w*)/.exec(args) ?? [];
  const [, existing] = /\bexisting_server_default\s*=\s*(\w*)/.exec(args) ?? [];
  // One that is given takes the place of the one that is there; `False` leaves it.
  const value = given === undefined || given === "False" ? existing : given;
  return (value !== undefined && value !== "None" && value !== "False") || /\b(Identity|Computed)\s*\(/.test(args);
}

/** SQL that is known by a few of its words; constraints, defaults and indexes are nothing that code reads by name. */
const statements: readonly { readonly form: RegExp; readonly what: string }[] = [
  { form: /\bDROP\s+(TABLE|COLUMN|SCHEMA|VIEW|MATERIALIZED\s+VIEW)\b/i, what: "drops something by SQL" },
  {
    form: /\bALTER TABLE\b[^;]*\bDROP (?!(CONSTRAINT|DEFAULT|NOT|IDENTITY|EXPRESSION)\b)/i,
    what: "drops something by SQL",
  },
  { form: /\bALTER (TABLE|VIEW)\b[^;]*\bRENAME (?!CONSTRAINT\b)/i, what: "renames something by SQL" },
  { form: /\bALTER\s+(COLUMN\s+)?[^\s;]+\s+(SET\s+DATA\s+)?TYPE\b/i, what: "changes the type of a column by SQL" },
  { form: /\bSET\s+NOT\s+NULL\b/i, what: "forbids null by SQL" },
  {
    form: /\bADD (COLUMN )?(?!(?:CONSTRAINT|CHECK|PRIMARY|FOREIGN|UNIQUE|EXCLUDE)\b)(?:(?!\bDEFAULT\b|\bGENERATED\b|,|;)[\s\S])*\bNOT\s+NULL\b(?!(?:(?!,|;)[\s\S])*\b(DEFAULT|GENERATED)\b)/i,
    what: "adds a column by SQL that old code does not fill",
  },
];

/** The texts among the arguments of a call in one line, without the texts that stand in the SQL itself. */
function sqlOf(args: string): string {
  const texts = [...args.matchAll(tokens)].map(([token]) => token.replace(/^("""|'''|["'])([\s\S]*)\1$/, "$2"));
  const sql = texts.join(" ").replaceAll(/'(?:[^']|'')*'/g, "''");
  return sql
    .replaceAll(/--[^\n]*/g, " ")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/ ?([(),;]) ?/g, " $1 ");
}

/** Calls of `op`, and of what `batch_alter_table` gives, in `upgrade()` of one database or several; what it calls elsewhere is not seen. */
function breakingOperations(path: string, text: string): readonly BreakingOperation[] {
  const code = blanked(text, "comments");
  const structure = blanked(text, "comments and texts");
  return [...structure.matchAll(/^(?:async )?def upgrade\w*\b/gm)].flatMap(({ index: begin }) => {
    const body = structure.indexOf("\n", begin);
    const next = structure.slice(body).search(/^\S/m);
    const upgrade = structure.slice(begin, next === -1 ? structure.length : body + next);
    const batches = [...upgrade.matchAll(/\bbatch_alter_table\s*\([\s\S]*?\)\s*as\s+(\w+)/g)].map(([, name]) => name);
    const names = ["op", "batch_op", ...batches].join("|");
    const calls = upgrade.matchAll(
      new RegExp(`(?<![\\w.])(?:(?:\\w+\\.)*(?:\\w+_)?op|${names})\\.(?:get_bind\\(\\)\\.)?(\\w+)\\s*\\(`, "g"),
    );
    return [...calls].flatMap((call) => {
      const at = begin + call.index;
      const open = at + call[0].length;
      const what = judgements[call[1] ?? ""]?.(code.slice(open, closing(structure, open))) ?? null;
      return what === null ? [] : [{ place: placeOf(path, text, at), what }];
    });
  });
}

/** Where the bracket closes that was opened before this position. */
function closing(structure: string, from: number): number {
  let depth = 1;
  for (let at = from; at < structure.length; at += 1) {
    if ("([{".includes(structure[at] ?? "")) depth += 1;
    if (")]}".includes(structure[at] ?? "")) depth -= 1;
    if (depth === 0) return at;
  }
  return structure.length;
}

function placeOf(file: string, text: string, at: number): Place {
  const before = text.slice(0, at).split("\n");
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

const tokens = /"""(?:\\[\s\S]|[^\\])*?"""|'''(?:\\[\s\S]|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|#[^\n]*/g;

/** The same text, every position kept, with blanks for what is not looked at. */
function blanked(text: string, what: "comments" | "comments and texts"): string {
  return text.replaceAll(tokens, (token) => {
    return token.startsWith("#") || what === "comments and texts" ? token.replaceAll(/[^\n]/g, " ") : token;
  });
}
