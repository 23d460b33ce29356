import { readAnswer, type SqlPreview } from "../../../src/migrations/sql.ts";

const heads = ["0001"];
const listed = {
  revisions: [
    { revision: "0002", doc: "Give each\n deal a score." },
    { revision: "0003", doc: "" },
  ],
};
const sql = (revision: string, text: string) => ({ revision, sql: text, lines: text.split("\n").length });
const failure = { kind: "failed", module: null, words: "KeyError: 'URL'", place: "/app/alembic/env.py:3" };
const previewOf = (...lines: readonly unknown[]): SqlPreview => readAnswer(lines, heads, "exit code 7").preview;

test("each revision has its SQL, in alembic's order", () => {
  expect(previewOf(listed, sql("0003", "B;"), sql("0002", "A;\nA;"))).toEqual({
    kind: "rendered",
    heads,
    revisions: [
      {
        revision: "0002",
        doc: { untrusted: "Give each deal a score." },
        sql: { text: { untrusted: "A;\nA;" }, lines: 2 },
      },
      { revision: "0003", doc: { untrusted: "" }, sql: { text: { untrusted: "B;" }, lines: 1 } },
    ],
  });
});

test("one that cannot be rendered says why, and keeps the others from nothing", () => {
  const preview = previewOf(
    listed,
    { revision: "0002", failure: { ...failure, kind: "connection" } },
    sql("0003", "B;"),
  );
  expect(preview).toMatchObject({
    revisions: [
      {
        revision: "0002",
        sql: {
          why: expect.stringContaining("what a database answers") as string,
          quoted: { untrusted: "KeyError: 'URL' (/app/alembic/env.py:3)" },
        },
      },
      { revision: "0003", sql: { text: { untrusted: "B;" } } },
    ],
  });
});

test("modules that are missing are named, of revisions and before them", () => {
  const missing = (module: string) => ({ ...failure, kind: "missing", module });
  expect(readAnswer([listed, { revision: "0003", failure: missing("geo.types") }], heads, "").missing).toEqual([
    "geo.types",
  ]);
  const answer = readAnswer([{ failure: missing("mako") }], heads, "");
  expect(answer.missing).toEqual(["mako"]);
  expect(answer.preview).toMatchObject({
    kind: "not-rendered",
    why: { why: expect.stringContaining('imports "mako"') as string },
  });
});

test.each<[string, readonly unknown[]]>([
  ["nothing", []],
  ["what is no answer", ["x", 1, null, { revisions: "all" }, { failure: "x" }]],
])("a program that has said %s, it is said how it ended", (_, lines) => {
  expect(previewOf(...lines)).toMatchObject({
    kind: "not-rendered",
    why: { why: "Alembic has told nothing: exit code 7." },
  });
});

test("revisions that it did not come to say how it ended", () => {
  expect(previewOf(listed, sql("0002", "A;"))).toMatchObject({
    revisions: [{}, { revision: "0003", sql: { why: "Alembic has told nothing: exit code 7." } }],
  });
});

test("what only a secret looks like is in none of it", () => {
  const text = "ALTER USER MAPPING FOR app OPTIONS (SET url 'postgresql://app:hunter22@db/x');";
  const words = { ...failure, words: "cannot reach postgresql://app:hunter22@db/x" };
  const said = JSON.stringify(previewOf(listed, sql("0002", text), { revision: "0003", failure: words }));
  expect(said).not.toContain("hunter22");
  expect(said).toContain("(hidden)");
});
