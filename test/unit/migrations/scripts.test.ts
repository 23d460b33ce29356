import fc from "../../properties.ts";
import { addedSince, headsOf, lacking, parseScript, type Script } from "../../../src/migrations/scripts.ts";

const path = "alembic/versions/0002_score.py";
const parse = (text: string): Script | null => parseScript({ path, text });
const head = 'revision = "0002"\ndown_revision = "0001"\n';
/** What its `upgrade` takes away. */
const taken = (...lines: readonly string[]): readonly string[] => {
  const body = lines.map((line) => `    ${line}\n`).join("");
  const text = `${head}\ndef upgrade() -> None:\n${body}\ndef downgrade():\n    op.drop_table("deals")\n`;
  return parse(text)?.breaking.map(({ what }) => what) ?? [];
};

test.each<[string, string, Partial<Script>]>([
  [
    "as alembic writes it now",
    '"""Score\n\nRevision ID: 2\n"""\nrevision: str = "2"\ndown_revision: Union[str, None] = "1"',
    { revision: "2", after: ["1"], doc: "Score" },
  ],
  ["as it wrote it before", "'''Score'''\nrevision = '2'\ndown_revision = None\n", { after: [], doc: "Score" }],
  ["a merge", 'revision = "4"\ndown_revision = (\n    "2",  # ours\n    "3",\n)\n', { after: ["2", "3"] }],
  ["one with a comment first", '# licence\n"""Score."""\nrevision = "2"\n', { doc: "Score." }],
  ["one without words", 'revision = "2"\n', { doc: "", isContract: false }],
  ["one that is marked", '# dagster-ecs: contract\nrevision = "2"\n', { isContract: true }],
  ["one that only speaks of the mark", 'note = "# dagster-ecs: contract"\nrevision = "2"\n', { isContract: false }],
])("%s is read", (_, text, wanted) => expect(parse(text)).toMatchObject(wanted));

test.each(["", "import os\n", "# revision = '1'\n", '"""revision = "1" """\n', "def f():\n    revision = '1'\n"])(
  "%j is no revision",
  (text) => expect(parse(text)).toBeNull(),
);

test.each<[string, readonly string[]]>([
  ['op.drop_table("deals")', ["drops a table"]],
  ['op.rename_table("deals", "offers")', ["renames a table"]],
  ['op.drop_column("deals", "score")', ["drops a column"]],
  ['batch_op.drop_column("score")', ["drops a column"]],
  ['op.alter_column("deals", "score", type_=sa.Text())', ["changes the type of a column"]],
  ['op.alter_column("deals", "score", new_column_name="rank")', ["renames a column"]],
  ['op.alter_column("deals", "score", nullable=False)', ["forbids null in a column that old code may leave out"]],
  ['op.alter_column("deals", "score", nullable=False, server_default="0")', []],
  ['op.alter_column("deals", "score", nullable=True)', []],
  [
    'op.add_column("deals", sa.Column("score", sa.Float(), nullable=False))',
    ["adds a column that old code does not fill: not null, without a server default"],
  ],
  ['op.add_column("deals", sa.Column("score", sa.Float(), nullable=False, server_default=sa.text("0")))', []],
  ['op.add_column("deals", sa.Column("score", sa.Float()))', []],
  ['op.alter_column("deals", "a", nullable=False, existing_server_default="0")', []],
  [
    'op.alter_column("deals", "a", nullable = False, server_default = None)',
    ["forbids null in a column that old code may leave out"],
  ],
  ['op.add_column("deals", sa.Column("a", sa.Integer(), sa.Identity(), nullable=False))', []],
  ['op.add_column("deals", sa.Column("a", sa.Integer(), sa.Computed("b * 2"), nullable=False))', []],
  ['with op.batch_alter_table("deals") as batch: batch.drop_column("a")', ["drops a column"]],
  ['shop.execute("DROP TABLE deals")', []],
  ['op.get_bind().execute(sa.text("DROP TABLE deals"))', ["drops something by SQL"]],
  ["op.execute(\"COMMENT ON TABLE deals IS 'DROP TABLE me'\")", []],
  ['op.execute("ALTER TABLE deals RENAME a TO b")', ["renames something by SQL"]],
  ['op.execute("ALTER TABLE deals RENAME CONSTRAINT a TO b")', []],
  ['op.execute("ALTER INDEX a RENAME TO b")', []],
  ['op.execute("ALTER TABLE deals DROP a")', ["drops something by SQL"]],
  ['op.execute("ALTER TABLE deals DROP CONSTRAINT a")', []],
  ['op.execute("ALTER TABLE deals ALTER a DROP NOT NULL")', []],
  ['op.execute("ALTER TABLE deals ALTER a SET NOT NULL")', ["forbids null by SQL"]],
  ['op.execute("ALTER TABLE deals ALTER a TYPE text")', ["changes the type of a column by SQL"]],
  ["op.execute(\"ALTER TYPE mood ADD VALUE 'fine'\")", []],
  ['op.execute("ALTER TABLE deals ADD COLUMN a int NOT NULL")', ["adds a column by SQL that old code does not fill"]],
  ['op.execute("ALTER TABLE deals ADD a int NOT NULL DEFAULT 0")', []],
  ['op.execute("ALTER TABLE deals ADD a int DEFAULT 0 NOT NULL")', []],
  ['op.execute("DROP TABLE deals")', ["drops something by SQL"]],
  ['op.execute("""ALTER TABLE deals\n    RENAME COLUMN a TO b""")', ["renames something by SQL"]],
  ['op.execute(sa.text("ALTER TABLE d ALTER COLUMN a TYPE text"))', ["changes the type of a column by SQL"]],
  ['op.create_table("deals", sa.Column("id", sa.Integer(), nullable=False))', []],
  ['op.create_index("i", "deals", ["score"])', []],
  ['# op.drop_table("deals")', []],
  ['op.execute("ALTER TABLE deals ADD  CONSTRAINT c CHECK (a IS NOT NULL)")', []],
  ['op.execute("""ALTER TABLE deals\n  ADD\n    CONSTRAINT c CHECK (a IS NOT NULL)""")', []],
  ['op.execute("ALTER TABLE deals ADD CHECK (a IS NOT NULL)")', []],
  ['op.execute("""ALTER TABLE deals DROP\n      CONSTRAINT c""")', []],
  ['op.execute("ALTER TABLE deals ALTER COLUMN a DROP  NOT NULL")', []],
  ['op.execute("ALTER TABLE deals RENAME  CONSTRAINT a TO b")', []],
  ['op.execute("ALTER TABLE deals\\n DROP  COLUMN a")', ["drops something by SQL"]],
  ['op.execute("""-- DROP TABLE deals\n    SELECT 1""")', []],
  ['alembic.op.drop_table("deals")', ["drops a table"]],
  ['alembic_op.drop_table("deals")', ["drops a table"]],
  [
    'op.alter_column("deals", "a", nullable=False, server_default=None, existing_server_default=sa.text("0"))',
    ["forbids null in a column that old code may leave out"],
  ],
  ['op.alter_column("deals", "a", nullable=False, existing_server_default=sa.text("0"))', []],
  ['op.alter_column("deals", "a", nullable=False, server_default=sa.text("0"))', []],
  ['print("op.drop_table(")', []],
  ["pass", []],
])("`%s` takes away: %j", (line, wanted) => expect(taken(line)).toEqual(wanted));

test("each database of several has an upgrade of its own", () => {
  const text = `${head}\ndef upgrade(name):\n    globals()[f"upgrade_{name}"]()\n\n\ndef upgrade_one():\n    op.drop_table("deals")\n`;
  expect(parse(text)?.breaking.map(({ what }) => what)).toEqual(["drops a table"]);
});

test("each operation is told at its place, and those of downgrade are not", () => {
  const text = `${head}\ndef upgrade():\n    with op.batch_alter_table("deals") as batch_op:\n        batch_op.drop_column("a")\n\n        batch_op.drop_column("b")\n\n\ndef downgrade():\n    op.drop_table("deals")\n`;
  expect(parse(text)?.breaking.map(({ place }) => place)).toEqual([
    { file: path, line: 6, column: 9 },
    { file: path, line: 8, column: 9 },
  ]);
});

test("whatever stands in a file, it is read or it is none", () => {
  const pieces = fc.array(
    fc.constantFrom('"""', "'", '"', "\\", "#", "\n", "op.execute(", "(", ")", "def upgrade", head, "a "),
  );
  fc.assert(fc.property(pieces, (parts) => void parse(parts.join(""))));
  expect(parse(`${'"""'.repeat(3)}${"\\".repeat(50_000)}`)).toBeNull();
});

const script = (revision: string, ...after: readonly string[]): Script => ({
  path: `${revision}.py`,
  revision,
  after,
  doc: "",
  isContract: false,
  breaking: [],
});
const history = [script("4", "2", "3"), script("3", "1"), script("2", "1"), script("1")];

test("heads are what nothing comes after", () => {
  expect(headsOf(history)).toEqual(["4"]);
  expect(headsOf(history.slice(1))).toEqual(["2", "3"]);
  expect(headsOf([])).toEqual([]);
});

test.each<[string, readonly string[], readonly string[], readonly string[]]>([
  ["at head", ["4"], [], []],
  ["behind", ["1"], ["3", "2", "4"], []],
  ["at one branch of two", ["2"], ["3", "4"], []],
  ["at its beginning", [], ["1", "3", "2", "4"], []],
  ["at one that is not there", ["9"], ["1", "3", "2", "4"], ["9"]],
])("a schema %s lacks what it lacks, in an order that works", (_, heads, pending, unknown) => {
  const found = lacking(history, heads);
  expect(found.pending.map(({ revision }) => revision)).toEqual(pending);
  expect(found.unknown).toEqual(unknown);
});

test("revisions that come after each other in a circle end nowhere", () => {
  expect(lacking([script("1", "2"), script("2", "1")], [])).toEqual({ pending: [], unknown: [] });
});

const breaking = (revision: string, ...after: readonly string[]): Script => ({
  ...script(revision, ...after),
  breaking: [{ place: { file: path, line: 1, column: 1 }, what: "drops a table" }],
});

test.each<[string, readonly Script[], readonly string[]]>([
  ["all that only adds", history, ["4", "2", "3", "1"]],
  ["a head that takes away", [breaking("2", "1"), script("1")], ["2"]],
  ["one that takes away in between", [script("3", "2"), breaking("2", "1"), script("1")], ["3", "2"]],
  ["one that says so itself", [{ ...script("2", "1"), isContract: true }, script("1")], ["2"]],
  [
    "one in a branch: who has it may go back, who has the other may not",
    [script("4", "2", "3"), breaking("3", "1"), script("2", "1"), script("1")],
    ["4", "3"],
  ],
  ["two heads", history.slice(1), []],
  ["none", [], []],
])("only additions follow after these, of %s", (_, scripts, wanted) => {
  expect(addedSince(scripts)).toEqual(wanted);
});
