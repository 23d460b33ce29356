import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Context, Progress } from "../../../src/domain/context.ts";
import { explainSql } from "../../../src/migrations/explain.ts";
import { renderSql } from "../../../src/migrations/sql.ts";
import { PlanRefused, type Result } from "../../../src/releases/result.ts";
import { machinePython } from "../../local-aws/backing/machine-python.ts";
import { installedPackages } from "../../local-aws/backing/python-packages.ts";
import { openAccount, type PlayedAccount, stackFile } from "../../releases/played/account.ts";
import { deployer, type DeployerOptions } from "../../releases/played/deployer.ts";

const lockFile = fileURLToPath(new URL("../../fixtures/python/dagster.txt", import.meta.url));
const whole = readFileSync(lockFile, "utf8");
const lockOf = (names: readonly string[]): string =>
  whole
    .split(/^(?=[\w-]+==)/m)
    .filter((block) => names.includes(block.slice(0, block.indexOf("=="))))
    .join("");
const alembicOnly = ["alembic", "mako", "markupsafe", "sqlalchemy", "typing-extensions", "tomli", "greenlet"];

/** Names of files are of the repository, whose folder `db` is `/app` in the image. */
type Files = Readonly<Record<string, string>>;
const revision = (
  id: string,
  after: string | null,
  upgrade: string,
  { doc = `Revision ${id}.`, head = "" } = {},
): Files => ({
  [`db/alembic/versions/${id}.py`]: `"""${doc}"""
import sqlalchemy as sa
from alembic import op
${head}
revision = "${id}"
down_revision = ${after === null ? "None" : `"${after}"`}


def upgrade():
    ${upgrade.replaceAll("\n", "\n    ")}
`,
});
const addScore = 'op.add_column("deals", sa.Column("score", sa.Float))';
const base: Files = {
  "db/alembic.ini": "[alembic]\nscript_location = alembic\n",
  "db/alembic/env.py": "raise RuntimeError('env.py is not run')\n",
  ...revision("0001", null, 'op.create_table("deals", sa.Column("id", sa.Integer))'),
};

describe("a plan, with alembic as its lock file has it,", () => {
  const stackOf = (preview: "revisions" | "sql"): string =>
    stackFile
      .replace(
        "files: [{ from: app, to: /app/app }] }",
        "requirements: requirements.lock, files: [{ from: app, to: /app/app }, { from: db, to: /app }] }",
      )
      .replace("tool: alembic", `tool: alembic, preview: ${preview}`);
  /** Without packages: what was released before is not what is looked at. */
  const released = stackFile.replace("to: /app/app }] }", "to: /app/app }, { from: db, to: /app }] }");

  let account: PlayedAccount;
  beforeEach(async () => {
    account = await openAccount({ stack: released });
    await account.commit(base);
  });
  afterEach(() => account.close());

  /** Afterwards the current release has brought the schema to 0001. */
  const release = async (): Promise<void> => {
    await account.clock.run(deployer(account).deploy());
    await account.clock.pass(60_000);
  };

  interface PlanOptions extends DeployerOptions {
    readonly lock?: readonly string[];
    readonly preview?: "revisions" | "sql";
  }

  async function plan(
    files: Files,
    { lock = alembicOnly, preview = "sql", ...options }: PlanOptions = {},
  ): Promise<{ readonly result: Result; readonly summary: string; readonly log: string }> {
    await account.commit({ "dagster-stack.yml": stackOf(preview), "requirements.lock": lockOf(lock), ...files });
    const who = deployer(account, { run: 2, ...options });
    const result = await who.plan().catch((error: unknown) => {
      if (error instanceof PlanRefused) return error.result;
      throw error;
    });
    return { result, summary: result.summary.markdown, log: foreignLines(who.progress) };
  }

  test("shows the SQL of exactly the revisions that the current release lacks, and is the same plan without", async () => {
    await release();
    const files = revision("0002", "0001", addScore, { doc: "Give each deal a score." });
    const { summary, result } = await plan(files);
    expect(summary).toContain("SQL of migration application: 1 revision");
    expect(summary).toContain("where the current release has left the schema: `0001`");
    expect(summary).toContain(
      "**0002** Give each deal a score.\n\n```sql\nALTER TABLE deals ADD COLUMN score FLOAT;\n```",
    );
    expect(summary).not.toContain("CREATE TABLE");
    const { result: without } = await plan(files, { preview: "revisions" });
    expect(without.summary.markdown).not.toContain("SQL of migration");
    expect(without.hash).toBe(result.hash);
  });

  test("of a stack that was never released shows it from the beginning, and says so", async () => {
    const { summary } = await plan({});
    expect(summary).toMatch(
      /begins \*\*before the first revision\*\*[^]*```sql\nCREATE TABLE deals \(\n\s+id INTEGER\n\);/,
    );
  });

  test("that is refused shows what it would do to the database, too", async () => {
    await release();
    const { result, summary } = await plan(revision("0002", "0001", 'op.drop_column("deals", "score")'));
    expect(result.plan.findings).toContainEqual(
      expect.objectContaining({ id: "migration-destructive", level: "error" }),
    );
    expect(summary).toContain("ALTER TABLE deals DROP COLUMN score;");
  });

  test("installs what else revisions import from the lock file, with what that needs, and nothing more", async () => {
    await release();
    const head = "import dateutil.parser\nfrom app import names\nfrom pathlib import Path";
    const upgrade = `op.execute((Path(__file__).parent / "view.sql").read_text())
op.rename_table("deals", names.NEW + str(dateutil.parser.parse("2026-01-02").day))`;
    const files = {
      ...revision("0002", "0001", upgrade, { head }),
      "db/alembic/versions/view.sql": "CREATE VIEW best AS SELECT 1",
      "app/names.py": 'NEW = "bids"\n',
    };
    const { summary, log } = await plan(files, { lock: [...alembicOnly, "python-dateutil", "six", "pyyaml"] });
    expect(summary).toContain("CREATE VIEW best AS SELECT 1;\n\nALTER TABLE deals RENAME TO bids2;");
    expect(log).toContain("python-dateutil");
    expect(log).not.toMatch(/pyyaml/i);
  });

  test.each<[string, readonly string[], Files, RegExp]>([
    [
      "of a revision",
      alembicOnly,
      revision("0002", "0001", addScore, { head: "import dateutil.parser" }),
      /imports "dateutil", which is neither in the image's files nor[^]*0002\.py:4\)` Add what it is in to /,
    ],
    [
      "of alembic itself",
      ["mako", "markupsafe"],
      revision("0002", "0001", addScore),
      /imports "alembic", which is neither/,
    ],
  ])("names an import %s that is nowhere, and goes on", async (_, lock, files, words) => {
    await release();
    const { summary, result } = await plan(files, { lock });
    expect(result.changed).toBe(true);
    expect(summary).toMatch(words);
  });

  test("runs no file of the checkout where that may not be, and says why", async () => {
    await release();
    const files = revision("0002", "0001", addScore, { head: 'print("I run")' });
    const { summary, log } = await plan(files, { whyNotRun: "Not on this event." });
    expect(summary).toContain("No SQL of migration `application`: Not on this event.");
    expect(log).not.toContain("I run");
  });
});

describe("revisions that would run after 0001", () => {
  let folder: string;
  let python: string;
  let packages: string;
  beforeAll(async () => {
    const machine = await machinePython();
    python = machine.executable;
    packages = await installedPackages(machine, lockFile, { compile: false });
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "sql-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function told(files: Files): Promise<{ readonly summary: string; readonly log: string }> {
    for (const [path, text] of Object.entries({ ...base, ...files })) {
      const file = join(folder, "image", path.replace(/^db\//, "app/"));
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    const progress: Progress[] = [];
    const context: Context = {
      clock: { now: () => Date.now(), sleep: (milliseconds) => new Promise((wake) => setTimeout(wake, milliseconds)) },
      signal: new AbortController().signal,
      report: (event) => void progress.push(event),
    };
    const { preview } = await renderSql(context, {
      name: "application",
      python,
      packages: [packages],
      tree: join(folder, "image"),
      workdir: "/app",
      folders: ["/app/alembic/versions"],
      heads: ["0001"],
      scratch: folder,
    });
    return { summary: explainSql("application", preview).markdown, log: foreignLines(progress) };
  }
  /** What is told of one revision. */
  const partOf = (summary: string, id: string): string =>
    summary.split(/(?=\*\*0\d{3}\*\*)/).find((part) => part.startsWith(`**${id}**`)) ?? "";

  test("are rendered with their values, and without lines of alembic's own", async () => {
    const upgrade = `deals = sa.table("deals", sa.column("name", sa.Text))
op.execute(deals.update().values(name="100%").where(deals.c.name == "it's"))
op.execute("UPDATE deals SET name = 'x' WHERE name LIKE 'a%'")
with op.batch_alter_table("deals") as batch: batch.alter_column("name", existing_type=sa.Text, nullable=True)
op.bulk_insert(deals, [{"name": "first"}])`;
    const { summary } = await told(revision("0002", "0001", upgrade));
    expect(summary).toContain("UPDATE deals SET name='100%' WHERE deals.name = 'it''s';");
    expect(summary).toContain("WHERE name LIKE 'a%';");
    expect(summary).toContain("ALTER TABLE deals ALTER COLUMN name DROP NOT NULL;");
    expect(summary).toContain("INSERT INTO deals (name) VALUES ('first');");
    expect(summary).not.toMatch(/CREATE TABLE|UPDATE alembic|INSERT INTO alembic|BEGIN;/);
  });

  test("and use what a database answers say so, at their place; the others have their SQL", async () => {
    const { summary } = await told({
      ...revision(
        "0002",
        "0001",
        'rows = op.get_bind().execute(sa.text("SELECT id FROM deals"))\nfor row in rows: pass',
      ),
      ...revision("0003", "0002", "sa.inspect(op.get_bind()).get_table_names()"),
      ...revision("0004", "0003", addScore),
      ...revision("0005", "0004", 'op.get_bind().execute(sa.text("UPDATE deals SET score = 1"))'),
    });
    expect(partOf(summary, "0002")).toMatch(
      /No SQL: It uses what a database answers .*TypeError: .*\/app\/alembic\/versions\/0002\.py:11\)/,
    );
    expect(partOf(summary, "0003")).toMatch(/No SQL: It uses what a database answers/);
    expect(partOf(summary, "0004")).toContain("ALTER TABLE deals ADD COLUMN score FLOAT;");
    expect(partOf(summary, "0005")).toContain("UPDATE deals SET score = 1;");
  });

  test.each<[string, string, RegExp]>([
    ["import what is nowhere when they are applied", "import nowhere_to_be_found", /No SQL: It imports "nowhere/],
    ["import what the machine's own Python has", "import pip", /No SQL: It imports "pip"/],
    ["ask for a variable of the task", "import os\nos.environ['DATABASE_URL']", /KeyError: 'DATABASE_URL' \(\/app/],
    [
      "ask for what env.py would say",
      "from alembic import context\ncontext.get_x_argument(as_dictionary=True)['owner']",
      /No SQL: Alembic cannot render it without .*`\w+Error: /,
    ],
  ])("and %s say so, and keep no other from its SQL", async (_, upgrade, words) => {
    const { summary } = await told({ ...revision("0002", "0001", upgrade), ...revision("0003", "0002", addScore) });
    expect(partOf(summary, "0002")).toMatch(words);
    expect(partOf(summary, "0003")).toContain("ALTER TABLE deals ADD COLUMN score FLOAT;");
  });

  test.each<[string, Files, RegExp]>([
    [
      "are no Python",
      { "db/alembic/versions/0002.py": 'revision = "0002"\ndown_revision = "0001"\ndef upgrade(:\n' },
      /SyntaxError: .*\/app\/alembic\/versions\/0002\.py:3\)/,
    ],
    [
      "come after one that is not there",
      revision("0002", "0000", addScore),
      /No SQL of migration `application`: Alembic cannot/,
    ],
    [
      "end the program",
      revision("0002", "0001", "import os\nos._exit(5)"),
      /No SQL: Alembic has told nothing: it ended with exit code 5\./,
    ],
  ])("and %s are told all the same", async (_, files, words) => expect((await told(files)).summary).toMatch(words));

  describe("and mean harm", () => {
    test("find none of the job's variables", async () => {
      process.env["A_TOKEN_OF_THE_TEST"] = "nobody-may-see-this";
      try {
        const upgrade = 'import os\nop.execute("SELECT \'" + " ".join(sorted(os.environ)) + "\'")';
        const { summary } = await told(revision("0002", "0001", upgrade));
        const names = /SELECT '([^']*)'/.exec(summary)?.[1]?.split(" ") ?? [];
        const own = names.filter((name) => !["LC_CTYPE", "LD_LIBRARY_PATH"].includes(name));
        expect(own).toEqual(["HOME", "LANG", "PATH", "TZ"]);
      } finally {
        delete process.env["A_TOKEN_OF_THE_TEST"];
      }
    });

    test("end no fence and write no markup, whatever they call themselves; what looks like a secret is hidden", async () => {
      const sql = "SELECT 'postgresql://app:hunter22@db/x'; --\\n```\\n</details>\\n# Approved by @team\\n````";
      const doc = "<img src=x> [see](http://x) @team";
      const { summary, log } = await told(
        revision("0002", "0001", `print("said aloud")\nop.execute("${sql}")`, { doc }),
      );
      expect(summary).toContain(
        "`````sql\nSELECT '(hidden)db/x'; --\n```\n</details>\n# Approved by @team\n````;\n`````",
      );
      expect(summary).not.toMatch(/<img|\]\(http|hunter22|\*\*0002\*\*.*@team/);
      expect(log).toBe("said aloud");
    });

    test("answer in our program's place with nothing but text", async () => {
      const forged = JSON.stringify({ revision: "0002", sql: "</details><script>", lines: 1 });
      const upgrade = `import sys
open(sys._getframe(1).f_globals["asked"]["answer"], "a").write(${JSON.stringify(`${forged}\n`)})
raise SystemExit`;
      const { summary } = await told(revision("0002", "0001", upgrade));
      expect(summary).toContain("```sql\n</details><script>\n```\n\n</details>");
    });
  });
});

function foreignLines(progress: readonly Progress[]): string {
  return progress.flatMap((one) => (one.kind === "foreign" ? [one.text.untrusted] : [])).join("\n");
}
