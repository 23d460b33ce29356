import { untrusted } from "../domain/evidence.ts";
import { code, codeBlock, details, type Markdown, markdown, paragraphs } from "../markdown/markdown.ts";
import type { RevisionSql, SqlPreview, Why } from "./sql.ts";

/** Of one migration, all its revisions together. */
const shownLines = 400;
/** Of one line, in characters. */
const shownCharacters = 500;

/** What a migration would do to its database, folded: the SQL of each revision, or why there is none. */
export function explainSql(name: string, preview: SqlPreview): Markdown {
  if (preview.kind === "not-rendered") return markdown`No SQL of migration ${code(name)}: ${explainWhy(preview.why)}`;
  const { heads, revisions } = preview;
  if (revisions.length === 0) return markdown`Migration ${code(name)} has no revision to apply: there is no SQL.`;
  const from =
    heads === null
      ? markdown`No release has recorded where the schema is, so it begins **before the first revision**; the task applies only what the schema lacks.`
      : markdown`It begins where the current release has left the schema: ${code(heads.length === 0 ? "its beginning" : heads.join(", "))}.`;
  const count = revisions.length === 1 ? "1 revision" : `${revisions.length} revisions`;
  let left = shownLines;
  const texts = revisions.map((one) => {
    const told = explainRevision(one, left);
    left -= told.lines;
    return told.text;
  });
  return details(
    `SQL of migration ${name}: ${count}`,
    paragraphs(
      markdown`Rendered by alembic for PostgreSQL, without a database. ${from} The lines in which alembic notes the revision are left out.`,
      ...texts,
    ),
  );
}

function explainRevision(
  { revision, doc, sql }: RevisionSql,
  left: number,
): { readonly text: Markdown; readonly lines: number } {
  const title = markdown`**${revision}** ${doc}`;
  if ("why" in sql) return { text: paragraphs(title, markdown`No SQL: ${explainWhy(sql)}`), lines: 0 };
  const all = sql.text.untrusted === "" ? [] : sql.text.untrusted.split(/\r\n|[\n\r]/);
  if (all.length === 0) return { text: paragraphs(title, markdown`No SQL: it does nothing.`), lines: 0 };
  const shown = all.slice(0, Math.max(left, 0));
  const more = Math.max(sql.lines, all.length) - shown.length;
  const text = paragraphs(
    title,
    shown.length === 0 ? null : codeBlock(untrusted(shown.map(shorten).join("\n")), "sql"),
    more === 0
      ? null
      : markdown`${more === 1 ? "1 line" : `${more} lines`}${shown.length === 0 ? "" : " more"}, not shown.`,
  );
  return { text, lines: shown.length };
}

function shorten(line: string): string {
  const more = line.length - shownCharacters;
  return more > 0 ? `${line.slice(0, shownCharacters)}… (${more} characters more)` : line;
}

function explainWhy({ why, quoted, fix }: Why): Markdown {
  return markdown`${why}${quoted === null ? "" : markdown` ${code(quoted)}`}${fix === null ? "" : markdown` ${fix}`}`;
}
