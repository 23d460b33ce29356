import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as z from "zod";
import { headsOf, lacking, parseScript, type Script } from "../src/migrations/scripts.ts";
import { loggingSections } from "../test/e2e/migrations/files.ts";
import { alembic, type Files, openScene, type Scene } from "../test/e2e/migrations/scene.ts";
import { machinePython } from "../test/local-aws/backing/machine-python.ts";
import { installedPackages } from "../test/local-aws/backing/python-packages.ts";
import { type Row, row } from "./rows.ts";

/**
 * Histories of alembic that others have written: upgraded from nothing to head as tasks on a real PostgreSQL, twice, and read as
 * files by our reader, against what alembic makes of them. Whatever is wrong ends it.
 */
export async function measure(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const history of upgraded) rows.push(...(await upgrade(history)));
  for (const history of [...upgraded, ...read]) rows.push(...(await compare(history)));
  return rows;
}

interface History {
  readonly name: string;
  /** Lock file beside this one, by which its packages are installed. */
  readonly lock: string;
  /** Folder of its revisions, among the packages. */
  readonly versions: string;
}

interface Upgraded extends History {
  readonly files: (url: string) => Files;
  readonly environment: (url: string) => Readonly<Record<string, string>>;
  /** Python that makes what its first revision finds; null: that one begins with nothing. */
  readonly before: string | null;
}

const upgraded: readonly Upgraded[] = [
  {
    name: "mlflow 3.17.2",
    lock: "mlflow.txt",
    versions: "mlflow/store/db_migrations/versions",
    files: (url) => ({
      "alembic.ini": `[alembic]\nscript_location = mlflow:store/db_migrations\nsqlalchemy.url = ${url}\n`,
    }),
    environment: () => ({}),
    before:
      "import os, sqlalchemy; from mlflow.store.tracking.dbmodels.initial_models import Base; Base.metadata.create_all(sqlalchemy.create_engine(os.environ['DATABASE_URL']))",
  },
  {
    name: "apache-airflow-core 3.3.2",
    lock: "airflow.txt",
    versions: "airflow/migrations/versions",
    files: () => ({ "alembic.ini": `[alembic]\nscript_location = airflow:migrations\n${loggingSections}` }),
    environment: (url) => ({ AIRFLOW__DATABASE__SQL_ALCHEMY_CONN: url }),
    before: null,
  },
];

const read: readonly History[] = [
  { name: "apache-superset 6.1.0", lock: "read.txt", versions: "superset/migrations/versions" },
  {
    name: "prefect 3.9.1",
    lock: "read.txt",
    versions: "prefect/server/database/_migrations/versions/postgresql",
  },
  { name: "langflow-base 1.13.0", lock: "read.txt", versions: "langflow/alembic/versions" },
  { name: "optuna 5.0.0", lock: "read.txt", versions: "optuna/storages/_rdb/alembic/versions" },
];

const folder = join(import.meta.dirname, "histories");

async function upgrade(history: Upgraded): Promise<readonly Row[]> {
  const { revisions, truth } = await look(history);
  const scene = await openScene(join(folder, history.lock));
  try {
    const database = await scene.database();
    const { host, port, user } = scene.bed.postgresql;
    const url = `postgresql+psycopg2://${user}@${host}:${port}/${database}`;
    const files = history.files(url);
    const options = { tool: { ...alembic, lockTimeoutSeconds: 120 }, url, environment: history.environment(url) };
    if (history.before !== null) {
      const tool = { kind: "command", command: ["python3", "-c", history.before] } as const;
      const { cause, evidence } = await scene.run(database, files, { ...options, tool });
      if (cause !== null) throw new Error(`${history.name}: ${cause.what}\n${evidence[0]?.text.untrusted}`);
    }
    const first = await scene.run(database, files, options);
    if (first.cause !== null) throw new Error(`${history.name}: ${first.said}\n${first.evidence[0]?.text.untrusted}`);
    expectSame(`${history.name}: its end`, first.after, truth.heads);
    expectSame(`${history.name}: the database`, await versions(scene, database), truth.heads);
    const applied = first.applied.map(({ revision }) => revision);
    expectSame(`${history.name}: what was applied`, [...applied].sort(), [...truth.order].sort());
    expectSame(`${history.name}: in an order that holds`, misplaced(revisions, applied), []);
    const second = await scene.run(database, files, options);
    expectSame(`${history.name}: the second run`, [second.unchanged, second.applied.length], [true, 0]);
    return [
      alone(`${history.name}: revisions, each named and applied once`, "revisions", applied.length),
      alone(`${history.name}: from nothing to head`, "s", first.seconds),
      alone(`${history.name}: the second run, which finds nothing to do`, "s", second.seconds),
    ];
  } finally {
    await scene.bed.close();
  }
}

async function compare(history: History): Promise<readonly Row[]> {
  const { revisions, truth } = await look(history);
  const pending = lacking(revisions, []).pending.map(({ revision }) => revision);
  const differ = revisions.filter(({ revision, after }) => {
    return JSON.stringify([...after].sort()) !== JSON.stringify(truth.after[revision]);
  });
  expectSame(`${history.name}: heads`, headsOf(revisions), truth.heads);
  expectSame(`${history.name}: revisions`, [...pending].sort(), [...truth.order].sort());
  expectSame(`${history.name}: what each comes after`, differ, []);
  expectSame(`${history.name}: an order that holds`, misplaced(revisions, pending), []);
  const flagged = revisions.filter(({ breaking }) => breaking.length > 0);
  return [
    alone(
      `${history.name}: revisions read, with the heads and predecessors that alembic finds`,
      "revisions",
      revisions.length,
    ),
    alone(`${history.name}: of these stopped by \`expand-only\``, "revisions", flagged.length),
  ];
}

const truthSchema = z.object({
  heads: z.array(z.string()),
  order: z.array(z.string()),
  after: z.record(z.string(), z.array(z.string())),
});

/** The revisions as our reader sees them, and as alembic does. */
async function look({ lock, versions: path }: History): Promise<{
  readonly revisions: readonly Script[];
  readonly truth: z.output<typeof truthSchema>;
}> {
  const python = await machinePython();
  const packages = await installedPackages(python, join(folder, lock), { compile: false });
  const own = await installedPackages(python, join(folder, "mlflow.txt"), { compile: false }); // has alembic
  const directory = join(packages, path);
  const names = (await readdir(directory)).filter((name) => /^(?!\.#|__init__).*\.py$/.test(name)).sort();
  const scripts = await Promise.all(
    names.map(async (name) => parseScript({ path: name, text: await readFile(join(directory, name), "utf8") })),
  );
  const home = await mkdtemp(join(tmpdir(), "histories-"));
  try {
    const { stdout } = await promisify(execFile)(python.executable, [join(folder, "revisions.py"), directory], {
      env: { PATH: process.env["PATH"] ?? "", PYTHONPATH: own, HOME: home },
      maxBuffer: 16_000_000,
    });
    return { revisions: scripts.filter((script) => script !== null), truth: truthSchema.parse(JSON.parse(stdout)) };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** Revisions that stand before one that they come after. */
function misplaced(scripts: readonly Script[], order: readonly string[]): readonly string[] {
  const at = new Map(order.map((revision, index) => [revision, index]));
  return scripts.flatMap(({ revision, after }) =>
    after.some((before) => (at.get(before) ?? 0) >= (at.get(revision) ?? -1)) ? [revision] : [],
  );
}

async function versions({ bed }: Scene, database: string): Promise<readonly (string | null | undefined)[]> {
  const rows = await bed.postgresql.query(database, "SELECT version_num FROM alembic_version ORDER BY 1");
  return rows.map(([version]) => version);
}

function expectSame(what: string, found: unknown, wanted: unknown): void {
  const [is, should] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (is !== should) throw new Error(`${what}: ${is}, and not ${should}`);
}

function alone(name: string, unit: string, value: number): Row {
  return row(name, unit, value, null);
}
