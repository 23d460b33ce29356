import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { Context } from "../domain/context.ts";
import { type Untrusted, untrusted } from "../domain/evidence.ts";
import { parsedJson } from "../domain/json.ts";
import { ProgramFailed, run } from "../programs/index.ts";
import { sqlProgram } from "./sql-program.ts";

/** The SQL of the revisions that a schema lacks, as far as it can be told without a database. */
export type SqlPreview =
  | {
      readonly kind: "rendered";
      /** Where it begins; null: nobody knows where the schema is, so it begins before the first revision. */
      readonly heads: readonly string[] | null;
      readonly revisions: readonly RevisionSql[];
    }
  | { readonly kind: "not-rendered"; readonly why: Why };

export interface RevisionSql {
  readonly revision: string;
  /** First paragraph of its docstring. */
  readonly doc: Untrusted;
  /** `lines`: all there are, of which `text` may hold the first. */
  readonly sql: { readonly text: Untrusted; readonly lines: number } | Why;
}

/** Why there is no SQL. */
export interface Why {
  /** Our own words: a sentence. */
  readonly why: string;
  /** What was said, and where, by programs that are not ours. */
  readonly quoted: Untrusted | null;
  readonly fix: string | null;
}

export interface SqlRequest {
  /** Migration that it is told of. */
  readonly name: string;
  /** Path of the interpreter. */
  readonly python: string;
  /** Where modules of packages are looked for. */
  readonly packages: readonly string[];
  /** Folder in which the image's files are laid out. */
  readonly tree: string;
  /** Paths in the image: where alembic is started, and where it finds revisions. */
  readonly workdir: string;
  readonly folders: readonly string[];
  readonly heads: readonly string[] | null;
  /** A folder of the caller's: he removes it. */
  readonly scratch: string;
}

/** Rendered, or what must be there first: names of modules. */
export type SqlAnswer = { readonly preview: SqlPreview; readonly missing: readonly string[] };

/**
 * Renders it, by running the revisions' files in a process of their own. That process is given nothing of this one's environment, and
 * two minutes; it is not kept from anything else.
 * @throws UserError when it cannot be started, Cancelled
 */
export async function renderSql(context: Context, request: SqlRequest): Promise<SqlAnswer> {
  const { name, python, packages, tree, workdir, folders, heads, scratch } = request;
  const answer = join(scratch, "answer");
  const inTree = (path: string): string => join(tree, path);
  const input = {
    packages,
    tree,
    workdir: inTree(workdir),
    folders: folders.map(inTree),
    heads: heads ?? [],
    answer,
  };
  const limit = AbortSignal.timeout(limitMilliseconds);
  const ofThisMigration: Context = {
    ...context,
    signal: AbortSignal.any([context.signal, limit]),
    report: (said) => context.report(said.kind === "foreign" ? { ...said, from: `revisions of ${name}` } : said),
  };
  const ended = await run(ofThisMigration, {
    command: python,
    args: ["-I", "-S", "-c", sqlProgram],
    cwd: scratch,
    variables: "own",
    environment: { HOME: scratch, LANG: "C.UTF-8", TZ: "UTC" },
    input: JSON.stringify(input),
    output: "report",
  }).then(
    () => "it ended before",
    (error: unknown) => {
      if (error instanceof ProgramFailed) return error.message.replace(python, "it");
      if (limit.aborted && !context.signal.aborted) return `it was not done after ${limitMilliseconds / 1000} s`;
      throw error;
    },
  );
  return readAnswer(await linesOf(answer), heads, ended);
}

const limitMilliseconds = 120_000;
/** Of all that is answered, in bytes. */
const answerLimit = 32 * 1024 * 1024;

/** What the program has written; nothing when that is not a file of its kind. */
async function linesOf(file: string): Promise<readonly unknown[]> {
  const status = await lstat(file).catch(() => null);
  if (status === null || !status.isFile() || status.size > answerLimit) return [];
  return (await readFile(file, "utf8")).split("\n").map(parsedJson);
}

const revision = z.string().min(1).max(200);
const failure = z.object({
  kind: z.enum(["missing", "connection", "failed"]),
  module: z.string().max(200).nullable(),
  words: z.string(),
  place: z.string().nullable(),
});
const listed = z.object({ revisions: z.array(z.object({ revision, doc: z.string() })).max(1000) });
const rendered = z.object({ revision, sql: z.string(), lines: z.int().positive() });
const failed = z.object({ revision, failure });
const failedBefore = z.strictObject({ failure });
type Failure = z.output<typeof failure>;

/**
 * What the program's lines say. Whoever wrote the revisions may have written them, too: they are text to be shown, and no more.
 * @param ended how its process ended, for revisions of which it says nothing
 */
export function readAnswer(lines: readonly unknown[], heads: readonly string[] | null, ended: string): SqlAnswer {
  const all = <T>(schema: z.ZodType<T>): readonly T[] => lines.flatMap((line) => schema.safeParse(line).data ?? []);
  const failures = all(failed);
  const [before] = all(failedBefore);
  const missing = [...failures.map((one) => one.failure), ...(before === undefined ? [] : [before.failure])].flatMap(
    ({ module }) => module ?? [],
  );
  const [revisions] = all(listed);
  const nothing = { why: `Alembic has told nothing: ${ended}.`, quoted: null, fix: "See its lines in the log." };
  if (revisions === undefined) {
    const why = before === undefined ? nothing : whyNot(before.failure);
    return { preview: { kind: "not-rendered", why }, missing };
  }
  const texts = new Map(all(rendered).map((one) => [one.revision, one]));
  const reasons = new Map(failures.map((one) => [one.revision, one.failure]));
  const sqlOf = (id: string): RevisionSql["sql"] => {
    const [text, reason] = [texts.get(id), reasons.get(id) ?? before?.failure];
    if (text !== undefined) return { text: untrusted(text.sql), lines: text.lines };
    return reason === undefined ? nothing : whyNot(reason);
  };
  const told = revisions.revisions.map(({ revision: id, doc }) => {
    return { revision: id, doc: untrusted(doc.replaceAll(/\s+/g, " ")), sql: sqlOf(id) };
  });
  return { preview: { kind: "rendered", heads, revisions: told }, missing };
}

function whyNot({ kind, module, words, place }: Failure): Why {
  const quoted = untrusted(place === null ? words : `${words} (${place})`);
  switch (kind) {
    case "missing":
      return {
        why: `It imports ${JSON.stringify(module)}, which is neither in the image's files nor, under that name, in its lock file.`,
        quoted,
        fix: "Add what it is in to `requirements`, or its folder to `files`; or import it where it is used, if that is not in `upgrade()`.",
      };
    case "connection":
      return {
        why: "It uses what a database answers (`op.get_bind()`), and a plan asks none.",
        quoted,
        fix: "Nothing to do: it is applied all the same. To see its SQL, do without the answer when `op.get_context().as_sql` is true.",
      };
    case "failed":
      return {
        why: "Alembic cannot render it without a database, `env.py` and the variables of the task.",
        quoted,
        fix: "See what it says: what is wrong without them only is no harm, and it is applied all the same.",
      };
  }
}
