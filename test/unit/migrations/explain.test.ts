import { untrusted } from "../../../src/domain/evidence.ts";
import { explainSql } from "../../../src/migrations/explain.ts";
import type { RevisionSql, SqlPreview } from "../../../src/migrations/sql.ts";

const revision = (id: string, text: string, doc = ""): RevisionSql => ({
  revision: id,
  doc: untrusted(doc),
  sql: { text: untrusted(text), lines: text.split("\n").length },
});
const explained = (...revisions: readonly RevisionSql[]): string =>
  explainSql("application", { kind: "rendered", heads: ["0001"], revisions }).markdown;
const lines = (count: number): string => Array.from({ length: count }, (_, index) => `SELECT ${index};`).join("\n");

test("the SQL of each revision stands under its name and docstring, folded", () => {
  expect(explained(revision("0002", "ALTER TABLE deals ADD COLUMN score FLOAT;", "Give each deal a score."))).toBe(
    `<details>
<summary>SQL of migration application: 1 revision</summary>

Rendered by alembic for PostgreSQL, without a database. It begins where the current release has left the schema: \`0001\`. The lines in which alembic notes the revision are left out.

**0002** Give each deal a score.

\`\`\`sql
ALTER TABLE deals ADD COLUMN score FLOAT;
\`\`\`

</details>`,
  );
});

test("where nobody knows where the schema is, that is said", () => {
  const preview: SqlPreview = { kind: "rendered", heads: null, revisions: [revision("0001", "SELECT 1;")] };
  expect(explainSql("application", preview).markdown).toContain("so it begins **before the first revision**");
});

test("a revision without SQL says why, with words that are not ours as code", () => {
  const why = { why: "It asks.", quoted: untrusted("AttributeError: <b>x</b>"), fix: "Do not." };
  expect(explained({ revision: "0002", doc: untrusted(""), sql: why })).toContain(
    "No SQL: It asks. `AttributeError: <b>x</b>` Do not.",
  );
  expect(explained(revision("0002", ""))).toContain("No SQL: it does nothing.");
  expect(explainSql("application", { kind: "not-rendered", why }).markdown).toMatch(
    /^No SQL of migration `application`: It/,
  );
  expect(explained()).toContain("has no revision to apply");
});

test("of many lines the first are shown, all revisions together, and the others counted", () => {
  const text = explained(revision("0002", lines(390)), revision("0003", lines(15)), revision("0004", "SELECT 1;"));
  expect(text.match(/^SELECT /gm)).toHaveLength(400);
  expect(text).toContain("**0003** \n\n```sql\n");
  expect(text).toContain("```\n\n5 lines more, not shown.");
  expect(text).toContain("**0004** \n\n1 line, not shown.");
});

test("lines that were left out before are counted, too", () => {
  const cut: RevisionSql = { revision: "0002", doc: untrusted(""), sql: { text: untrusted("A;"), lines: 1000 } };
  expect(explained(cut)).toContain("999 lines more, not shown.");
});

test("a line that nobody would read is cut, visibly", () => {
  const text = explained(revision("0002", `SELECT '${"x".repeat(10_000)}';`));
  expect(text).toContain("… (9510 characters more)\n```");
  expect(text.length).toBeLessThan(1_500);
});

describe("text of somebody else stays text", () => {
  const fences = (text: string): readonly string[] => text.match(/^`{3,}/gm) ?? [];

  test.each([
    ["a fence", "SELECT 1; --\n```\n</details>\n# Approved"],
    ["a longer fence", "`````\n````\n```"],
    ["a fence behind a carriage return", "SELECT 1;\r```\r\n# Approved"],
  ])("SQL with %s does not end its own", (_, sql) => {
    const text = explained(revision("0002", sql));
    const [open = "", ...others] = fences(text);
    const inside = text.split("\n").slice(text.split("\n").findIndex((line) => line.startsWith(open)) + 1, -3);
    expect(others.at(-1)).toBe(open);
    expect(inside.some((line) => line.startsWith(open))).toBe(false);
    expect(inside.join("\n")).toContain("```");
  });

  test("a docstring and a name are no markup, link, or mention", () => {
    const text = explained(revision("<img src=x>", "SELECT 1;", "@team see [here](http://x) </details>"));
    expect(text).not.toMatch(/<img|@team|\]\(http|http:\/\/|\. <\/details>/);
    expect(text.match(/<\/details>/g)).toHaveLength(1);
  });

  test("what turns text around, or hides it, is taken out", () => {
    expect(explained(revision("0002", "DROP\u001b[2K TABLE \u202edeals;"))).toContain("DROP TABLE deals;");
  });
});
