import type { MigrationResult } from "../../../src/migrations/migrate.ts";
import { first, migrationsOf, plainEnv, second } from "./files.ts";
import { alembic, type Files, openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.bed.close());

const tool = { ...alembic, checkModels: true };
const compared = async (files: Files, database?: string): Promise<MigrationResult> =>
  scene.run(database ?? (await scene.database()), files, { tool });

/** An env.py with models: `applied` is written by the revisions of the fixtures. */
const envOf = (models: string): string =>
  plainEnv
    .replace(
      "\nfileConfig",
      `from sqlalchemy import Column, Float, Integer, MetaData, Table, Text\n${models}\nfileConfig`,
    )
    .replace("connection=connection", "connection=connection, target_metadata=metadata");
const equal = `metadata = MetaData()
Table("deals", metadata, Column("id", Integer), Column("score", Float))
Table("applied", metadata, Column("revision", Text))
`;
const differing = `metadata = MetaData()
Table("deals", metadata, Column("id", Integer, nullable=False), Column("score", Float), Column("name", Text))
Table("bids", metadata, Column("id", Integer))
`;
const checkout = (models: string): Files => migrationsOf([first, second], { "alembic/env.py": envOf(models) });
const texts = ({ models }: MigrationResult): readonly string[] =>
  models?.kind === "differ" ? models.differences.map(({ untrusted }) => untrusted).toSorted() : [];

test("models that are as the schema are said to be, after an upgrade and where there was nothing to do", async () => {
  const database = await scene.database();
  const made = await compared(checkout(equal), database);
  expect(made).toMatchObject({ cause: null, after: ["0002"], models: { kind: "equal" } });
  expect(made.said).toBe("from its beginning to 0002 by 2 revisions; the models are as the schema");
  expect(await compared(checkout(equal), database)).toMatchObject({ unchanged: true, models: { kind: "equal" } });
});

test("models that differ are told by what alembic would do; the upgrade stays", async () => {
  const database = await scene.database();
  const made = await compared(checkout(differing), database);
  expect(made).toMatchObject({ cause: null, unchanged: false, after: ["0002"], models: { kind: "differ", count: 4 } });
  expect(texts(made)).toEqual([
    "add_column deals name",
    "add_table bids",
    "modify_nullable deals id True False",
    "remove_table applied",
  ]);
  expect(await scene.rows(database, "SELECT version_num FROM alembic_version")).toEqual(["0002"]);
  const again = await compared(checkout(differing), database);
  expect(again).toMatchObject({ cause: null, unchanged: true, models: { kind: "differ", count: 4 } });
  expect(await scene.rows(database, "SELECT version_num FROM alembic_version")).toEqual(["0002"]);
});

test("of many differences the first are told, and all counted", async () => {
  const tables = Array.from(
    { length: 30 },
    (_, index) => `Table("t${"ä".repeat(30)}${index}", metadata, Column("id", Integer))`,
  );
  const made = await compared(checkout(`${equal}${tables.join("\n")}\n`));
  expect(made).toMatchObject({ cause: null, models: { kind: "differ", count: 30 } });
  expect(texts(made)).toHaveLength(20);
});

/** After the upgrade, and the look at what it has come to, `env.py` is run for the models. */
const endingFor = (models: string): string =>
  envOf(equal).replace(
    "with create_engine",
    `with open("times", "a+") as times:\n    times.write("x")\n    times.seek(0)\n    if times.read() == "xxx": ${models}\nwith create_engine`,
  );
const withoutCheck = `import alembic.command\nvars(alembic.command).pop("check", None)\n${envOf(equal)}`;

test.each([
  ["whose env.py names no metadata", plainEnv, /does not provide a MetaData object/],
  ["with an alembic of before there was a check", withoutCheck, /has no check/],
  ["whose env.py fails then", endingFor('raise RuntimeError("no more")'), /no more/],
  ["whose env.py would end the program then", endingFor("raise SystemExit(3)"), /SystemExit/],
])("one %s is migrated, and it is said that its models were not compared", async (_, env, why) => {
  const files = migrationsOf([first], { "alembic/env.py": env });
  const made = await compared(files);
  expect(made).toMatchObject({ cause: null, after: ["0001"], models: { kind: "not-compared" } });
  expect(made.models?.kind === "not-compared" ? made.models.why.untrusted : "").toMatch(why);
});

test("a migration that failed compares nothing", async () => {
  const failing = { ...second, upgrade: "SELECT * FROM none" };
  const made = await compared(migrationsOf([first, failing], { "alembic/env.py": envOf(equal) }));
  expect(made).toMatchObject({ models: null, cause: { id: "migration-failed" } });
});
