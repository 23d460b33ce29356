import type { Release } from "../../../src/domain/release.ts";
import { openAccount, type PlayedAccount, stackFile } from "../../releases/played/account.ts";
import { deployer } from "../../releases/played/deployer.ts";

const stack = stackFile.replace(
  "files: [{ from: app, to: /app/app }] }",
  "files: [{ from: app, to: /app/app }, { from: db, to: /app }] }",
);
const revision = (id: string, after: string | null, upgrade = "pass") =>
  `"""Revision ${id}."""\nrevision = "${id}"\ndown_revision = ${after === null ? "None" : `"${after}"`}\n\n\ndef upgrade():\n    ${upgrade}\n`;
const base = {
  "db/alembic.ini": "[alembic]\nscript_location = alembic\n",
  "db/alembic/versions/0001.py": revision("0001", null),
};

let account: PlayedAccount;
let first: Release;
/** The current release has brought the schema to 0001. */
beforeEach(async () => {
  account = await openAccount({ stack });
  await account.commit(base);
  first = (await account.clock.run(deployer(account).deploy())).release;
  await account.clock.pass(60_000);
});
afterEach(() => account.close());

const plan = async (files: Readonly<Record<string, string>>) => {
  await account.commit(files);
  const who = deployer(account, { run: 2 });
  const result = await account.clock.run(who.plan().catch((error: unknown) => error));
  const findings = who.progress.flatMap((one) => (one.kind === "finding" ? [one.finding] : []));
  return { result, said: JSON.stringify(result), findings };
};
const drop = 'op.drop_column("deals", "score")';

test("a plan lists the revisions that the current release has not brought", async () => {
  expect(first.migrations["application"]?.heads).toEqual(["0001"]);
  const { said } = await plan({ "db/alembic/versions/0002.py": revision("0002", "0001") });
  expect(said).toContain("new since the current release: 0002 Revision 0002.");
});

test("two heads are an error of the plan, without a database", async () => {
  const { result } = await plan({
    "db/alembic/versions/0002.py": revision("0002", "0001"),
    "db/alembic/versions/0002b.py": revision("0002b", "0001"),
  });
  expect(String(result)).toMatch(/several heads: 0002, 0002b \(db\/alembic\/versions\/0002\.py, .*0002b\.py\)/);
});

test("a new revision that takes away what runs is an error at its place", async () => {
  const { result } = await plan({ "db/alembic/versions/0002.py": revision("0002", "0001", drop) });
  expect(String(result)).toMatch(/Revision 0002 drops a column: the code of the current release.*\n.*0002\.py:7:5/);
});

test.each([
  ["is marked", { "db/alembic/versions/0002.py": `# dagster-ecs: contract\n${revision("0002", "0001", drop)}` }],
  [
    "is allowed by the policy",
    {
      "db/alembic/versions/0002.py": revision("0002", "0001", drop),
      "dagster-stack.yml": stack.replace("tool: alembic", "tool: alembic, policy: allow-destructive"),
    },
  ],
  ["is not new", { "db/alembic/versions/0001.py": revision("0001", null, drop), "app/main.py": "VERSION = 2\n" }],
  ["is not due, its image being the same", { "dagster.yaml": "telemetry: { enabled: true }\n" }],
])("one that %s is none", async (_, files) => {
  const { result } = await plan(files as Readonly<Record<string, string>>);
  expect(result).toMatchObject({ changed: true });
});

test("a checkout that lacks what the current release has applied is an error", async () => {
  const { result } = await plan({ "db/alembic/versions/0001.py": revision("0000", null) });
  expect(String(result)).toMatch(/has brought the schema of migration application to 0001, which this checkout/);
});

test("revisions that cannot be looked at are said, and stop nothing", async () => {
  const { findings, result } = await plan({ "db/alembic.ini": "[alembic]\nscript_location = app:db\n" });
  expect(result).toMatchObject({ changed: true });
  expect(findings).toContainEqual(expect.objectContaining({ id: "migration-unread", level: "notice" }));
});
