import { Cancelled } from "../../../src/domain/errors.ts";
import { logLines } from "../../../src/github/report.ts";
import { first, migrationsOf, plainEnv, type RevisionFile, second } from "./files.ts";
import { startPooler } from "./pooler.ts";
import { alembic, type Files, openScene, type Running, type Scene } from "./scene.ts";

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.bed.close());

const old = migrationsOf([first]);
const whole = migrationsOf([first, second]);
const third = (upgrade: string): RevisionFile => ({ id: "0003", after: "0002", doc: "More.", upgrade });
/** Goes on as long as the gate of the database is closed. */
const atGate = "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.1); END LOOP; END $$";
const gated = migrationsOf([first, second, third(atGate)]);
const withGate = async (): Promise<string> => {
  const database = await migrated(old);
  await scene.rows(database, "CREATE TABLE gate (opened int)");
  return database;
};
const openGate = (database: string) => scene.rows(database, "INSERT INTO gate VALUES (1)");
const heads = (database: string) => scene.rows(database, "SELECT version_num FROM alembic_version");
const applied = (database: string) => scene.rows(database, "SELECT revision FROM applied ORDER BY 1");
const foreign = ({ progress }: Pick<Running, "progress">): readonly string[] =>
  progress.flatMap((event) => (event.kind === "foreign" ? event.text.untrusted.split("\n") : []));
const migrated = async (files: Files): Promise<string> => {
  const database = await scene.database();
  expect((await scene.run(database, files)).cause).toBeNull();
  return database;
};

describe("with alembic, a database", () => {
  test("that was never migrated comes to head, each revision named", async () => {
    const database = await scene.database();
    const running = scene.begin(database, whole);
    expect(await running.result).toMatchObject({ cause: null, before: [], after: ["0002"], unchanged: false });
    expect(foreign(running).slice(-2)).toEqual(["0001: Keep the deals.", "0002: Give each deal a score."]);
    expect(foreign(running).join("\n")).toContain("Running upgrade 0001 -> 0002");
    expect(await heads(database)).toEqual(["0002"]);
    const again = await scene.run(database, whole);
    expect(again).toMatchObject({ cause: null, unchanged: true, said: "nothing to do: the schema is at 0002" });
    expect(await applied(database)).toEqual(["0001", "0002"]);
  });

  test("that is behind gets what it lacks; the older image then finds it ahead, and leaves it alone", async () => {
    const database = await migrated(old);
    expect(await scene.run(database, whole)).toMatchObject({ before: ["0001"], after: ["0002"] });
    const { cause, after } = await scene.run(database, old);
    expect(cause).toMatchObject({ id: "migration-ahead", what: expect.stringContaining("is at 0002") as string });
    expect(after).toEqual(["0002"]);
    expect(await applied(database)).toEqual(["0001", "0002"]);
  });

  test("is not asked when the image has several heads", async () => {
    const database = await scene.database();
    const forked = migrationsOf([first, second, { ...second, id: "0002b" }]);
    const { cause } = await scene.run(database, forked);
    expect(cause).toMatchObject({ id: "migration-heads", what: expect.stringContaining("(0002, 0002b)") as string });
    expect(await scene.rows(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
  });

  test("that is not there is not reached, with the driver's own words, and no password", async () => {
    const url = `postgresql+psycopg2://app:hunter22@${scene.bed.postgresql.host}:1/none`;
    const told = { ...whole, "alembic/env.py": `print(${JSON.stringify(`to ${url}`)})\n${plainEnv}` };
    const running = scene.begin(await scene.database(), told, { url });
    const { cause, evidence } = await running.result;
    expect(cause?.id).toBe("migration-unreachable");
    expect(evidence[0]?.text.untrusted).toContain("Connection refused");
    expect(foreign(running).join("\n")).not.toContain("hunter22");
  });

  test.each([
    ["whose env.py may not do what it begins with", "CREATE SCHEMA app AUTHORIZATION nobody_there", /nobody_there/],
    ["that takes too long for env.py's own question", "SET statement_timeout = 1; SELECT pg_sleep(1)", /timeout/],
  ])("%s was reached, and that is not said otherwise", async (_, sql, words) => {
    const database = await scene.database();
    const asking = `    connection.execute(text(${JSON.stringify(sql)}))\n    context.configure(`;
    const files = { ...whole, "alembic/env.py": plainEnv.replace("    context.configure(", asking) };
    const { cause, evidence } = await scene.run(database, files);
    expect(cause?.id).toBe("migration-failed");
    expect(evidence[0]?.text.untrusted).toMatch(words);
  });

  test("whose engine gives one connection only is left alone, and told why", async () => {
    const database = await scene.database();
    const small = plainEnv.replace("poolclass=pool.NullPool", "pool_size=1, max_overflow=0, pool_timeout=1");
    const { cause, evidence } = await scene.run(database, { ...whole, "alembic/env.py": small });
    expect(cause?.id).toBe("migration-failed");
    expect(evidence[0]?.text.untrusted).toContain("the lock needs two connections of its own");
  });

  test("whose env.py does not commit is not at head, although alembic ended well", async () => {
    const database = await scene.database();
    const files = { ...whole, "alembic/env.py": plainEnv.replace("with context.begin_transaction():", "if True:") };
    const { cause, evidence } = await scene.run(database, files);
    expect(cause).toMatchObject({ id: "migration-failed", what: expect.stringContaining("as before") as string });
    expect(evidence[0]?.text.untrusted).toContain("it does not commit");
  });

  test("whose env.py says itself where its revisions are comes to their head", async () => {
    const database = await scene.database();
    const moved = Object.entries(whole).map(
      ([path, text]) => [path.replace("/versions/", "/elsewhere/"), text] as const,
    );
    const place = 'context.script.version_locations = [os.path.join(os.getcwd(), "alembic/elsewhere")]';
    const env = plainEnv.replace("\nwith ", `\n${place}\nwith `);
    const files: Files = { ...(Object.fromEntries(moved) as Files), "alembic/env.py": env };
    expect(await scene.run(database, files)).toMatchObject({ cause: null, before: [], after: ["0002"] });
    expect(await applied(database)).toEqual(["0001", "0002"]);
  });

  test("of which a revision fails is as before", async () => {
    const database = await migrated(old);
    const { cause, evidence } = await scene.run(database, migrationsOf([first, second, third("SELECT * FROM none")]));
    expect(cause?.what).toMatch(/exit code 1\. The schema is at 0001, as before\.$/);
    expect(evidence[0]?.text.untrusted).toContain("UndefinedTable");
    expect(await applied(database)).toEqual(["0001"]);
  });

  test("of another kind is migrated without a lock, and that is said", async () => {
    const upgrade = "CREATE TABLE applied (revision text)";
    const files = migrationsOf([{ ...first, upgrade }]);
    const { said } = await scene.run(await scene.database(), files, { url: "sqlite:///deals.db" });
    expect(said).toContain("without a lock, which only PostgreSQL has (this is sqlite)");
  });
});

describe("locks", () => {
  test("another migration is waited for, and not for ever", async () => {
    const database = await withGate();
    const before = scene.begin(database, gated);
    await before.said("-> 0003");
    const tool = { ...alembic, lockTimeoutSeconds: 1 };
    expect((await scene.run(database, gated, { tool })).cause?.id).toBe("migration-locked");
    await openGate(database);
    expect((await before.result).cause).toBeNull();
    expect(await applied(database)).toEqual(["0001", "0002", "0003"]);
  });

  test("a table that somebody uses is not waited for too long, and nothing is kept", async () => {
    const database = await withGate();
    const holding = scene.rows(database, `BEGIN; LOCK deals; ${atGate}; COMMIT`);
    const { cause } = await scene.run(database, whole, { tool: { ...alembic, lockTimeoutSeconds: 1 } });
    expect(cause).toMatchObject({ id: "migration-lock-timeout" });
    await openGate(database);
    await holding;
    expect(await heads(database)).toEqual(["0001"]);
  });

  test("a statement may take as long as it is given", async () => {
    const database = await withGate();
    const { cause } = await scene.run(database, gated, { tool: { ...alembic, statementTimeoutSeconds: 1 } });
    expect(cause).toMatchObject({ id: "migration-statement-timeout" });
    expect(await applied(database)).toEqual(["0001"]);
  });

  test.each([2, 10])("%i at once: all are green, and each revision is applied once", async (count) => {
    const database = await scene.database();
    const results = await Promise.all(Array.from({ length: count }, () => scene.run(database, whole)));
    expect(results.map(({ cause }) => cause)).toEqual(results.map(() => null));
    expect(results.filter(({ unchanged }) => unchanged === false)).toHaveLength(1);
    expect(await applied(database)).toEqual(["0001", "0002"]);
  });
});

test("a pooler that shares sessions makes the lock void, and that is said", async () => {
  const { host, port } = scene.bed.postgresql;
  const pooler = await startPooler(host, { host, port });
  const database = await scene.database();
  const url = `postgresql+psycopg2://postgres@${host}:${pooler.port}/${database}`;
  const { cause, said, after } = await scene.run(database, whole, { url });
  await pooler.close();
  expect({ cause, after }).toEqual({ cause: null, after: ["0002"] });
  expect(said).toContain("a pooler between the task and PostgreSQL shares sessions");
  expect(await scene.rows(database, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")).toEqual(["0"]);
});

describe("cut", () => {
  test("a task that somebody stops leaves the schema as before, and the next one does it all", async () => {
    const database = await withGate();
    const running = scene.begin(database, gated);
    await running.said("-> 0003");
    await scene.stopTasks(database);
    expect((await running.result).cause).toMatchObject({ id: "migration-stopped" });
    expect(await heads(database)).toEqual(["0001"]);
    await openGate(database);
    expect(await scene.run(database, gated)).toMatchObject({ cause: null, after: ["0003"] });
    expect(await applied(database)).toEqual(["0001", "0002", "0003"]);
  });

  test("a task whose process is killed leaves the schema as before, and the next one does it all", async () => {
    const database = await withGate();
    const running = scene.begin(database, gated);
    await running.said("-> 0003");
    await scene.killTasks(database);
    const { cause, after } = await running.result;
    expect(cause).toMatchObject({ id: "migration-failed", what: expect.stringContaining("exit code 137") as string });
    expect(after).toBeNull();
    expect(await heads(database)).toEqual(["0001"]);
    await openGate(database);
    expect(await scene.run(database, gated)).toMatchObject({ cause: null, before: ["0001"], after: ["0003"] });
    expect(await applied(database)).toEqual(["0001", "0002", "0003"]);
  });

  test("a database that is restarted takes all of it back, and is asked again where it stands", async () => {
    const database = await withGate();
    const running = scene.begin(database, gated);
    await running.said("-> 0003");
    await scene.bed.postgresql.restart();
    expect((await running.result).cause).toMatchObject({
      id: "migration-failed",
      what: expect.stringContaining("The schema is at 0001, as before") as string,
    });
    await openGate(database);
    expect(await scene.run(database, gated)).toMatchObject({ cause: null, before: ["0001"], after: ["0003"] });
    expect(await applied(database)).toEqual(["0001", "0002", "0003"]);
  });

  test("an action that is cancelled stops its task", async () => {
    const database = await withGate();
    const running = scene.begin(database, gated);
    await running.said("-> 0003");
    running.cancel();
    await expect(running.result).rejects.toThrow(Cancelled);
    await scene.tasksGone(database);
    expect(await heads(database)).toEqual(["0001"]);
  });

  test("a task that an earlier attempt has left is waited for, and has done it", async () => {
    const database = await withGate();
    const left = scene.begin(database, gated);
    await left.said("-> 0003");
    const next = scene.begin(database, gated, { alone: true });
    await next.said("of an earlier attempt");
    await openGate(database);
    expect(await next.result).toMatchObject({ cause: null, unchanged: true });
    await left.result;
    expect(await applied(database)).toEqual(["0001", "0002", "0003"]);
  });

  test("a connection that is lost takes all of it back", async () => {
    const database = await withGate();
    const running = scene.begin(database, gated);
    await running.said("-> 0003");
    const others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()";
    await scene.rows(database, `${others} AND pid <> pg_backend_pid()`);
    expect((await running.result).cause).toMatchObject({
      id: "migration-failed",
      what: expect.stringContaining("The schema is at 0001, as before") as string,
    });
    await openGate(database);
    expect(await scene.run(database, gated)).toMatchObject({ cause: null, after: ["0003"] });
  });

  test("a connection that is lost after the commit leaves a schema at head, and that is green", async () => {
    const database = await scene.database();
    const lost = `${plainEnv}    connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))\n`;
    expect(await scene.run(database, { ...whole, "alembic/env.py": lost })).toMatchObject({
      cause: null,
      after: ["0002"],
    });
  });
});

describe("another command", () => {
  const tool = (script: string) => ({ tool: { kind: "command", command: ["python3", "-c", script] } as const });
  const nothing = { "empty.txt": "" };

  test("is judged by its exit code", async () => {
    const database = await scene.database();
    expect((await scene.run(database, nothing, tool("exit(0)"))).cause).toBeNull();
    expect((await scene.run(database, nothing, tool("exit(81)"))).cause?.id).toBe("migration-failed");
  });

  test("that lives a second and says much loses no line", async () => {
    const running = scene.begin(await scene.database(), nothing, tool("for n in range(100_000): print(n)"));
    expect((await running.result).cause).toBeNull();
    const lines = foreign(running);
    expect(lines).toHaveLength(100_000);
    expect(lines.every((line, index) => line === String(index))).toBe(true);
  });

  test("commands nothing to the runner, whatever bytes it writes", async () => {
    const script =
      "import sys; print('::error::stop'); print('\\x1b[31m::set-output name=a::b'); sys.stdout.flush(); sys.stdout.buffer.write(bytes(range(256)))";
    const running = scene.begin(await scene.database(), nothing, tool(script));
    expect((await running.result).cause).toBeNull();
    const lines = foreign(running).flatMap((text) => logLines({ untrusted: text }));
    expect(lines.join("\n")).toContain("error");
    expect(lines.filter((line) => line.trimStart().startsWith("::"))).toEqual([]);
  });
});

describe("with dagster, the instance", () => {
  const postgres = (port: number) =>
    `{ postgres_db: { scheme: postgresql+psycopg2, hostname: { env: DATABASE_HOST }, port: ${port}, db_name: { env: DATABASE_NAME }, username: postgres, password: any } }`;
  const single = (port: number) => ({
    "dagster.yaml": `telemetry: { enabled: false }\nstorage: { postgres: ${postgres(port)} }\n`,
  });
  const older = (port: number) => ({
    "dagster.yaml": [
      "telemetry: { enabled: false }",
      `run_storage: { module: dagster_postgres.run_storage, class: PostgresRunStorage, config: ${postgres(port)} }`,
      `event_log_storage: { module: dagster_postgres.event_log, class: PostgresEventLogStorage, config: ${postgres(port)} }`,
      `schedule_storage: { module: dagster_postgres.schedule_storage, class: PostgresScheduleStorage, config: ${postgres(port)} }`,
      "",
    ].join("\n"),
  });
  const options = { tool: { kind: "dagster", lockTimeoutSeconds: 60 } } as const;
  const hurried = { tool: { kind: "dagster", lockTimeoutSeconds: 1 } } as const;
  const key = "('x' || encode('dgstrecs', 'hex'))::bit(64)::bigint";

  test.each([
    ["one storage", single],
    ["three storages", older],
  ])(
    "of %s is brought from nothing to its newest revision, under the lock, and then left alone; one that is ahead is an error",
    async (_, written) => {
      const database = await scene.database();
      const home = written(scene.bed.postgresql.port);
      const made = await scene.run(database, home, options);
      expect(made).toMatchObject({ cause: null, before: [], unchanged: false });
      expect(made.said).not.toContain("lock");
      expect(made.after).toEqual(await heads(database));
      await scene.rows(database, "CREATE TABLE gate (opened int)");
      const holding = scene.rows(database, `SELECT pg_advisory_lock(${key}); ${atGate}`);
      expect((await scene.run(database, home, hurried)).cause?.id).toBe("migration-locked");
      await openGate(database);
      await holding;
      expect(await scene.run(database, home, options)).toMatchObject({ unchanged: true, after: made.after });
      await scene.rows(database, "UPDATE alembic_version SET version_num = 'ffffffffffff'");
      const { cause } = await scene.run(database, home, options);
      expect(cause).toMatchObject({ id: "migration-ahead", what: expect.stringContaining("ffffffffffff") as string });
    },
    240_000,
  );

  test("is left alone as long as a statement goes on that a task has left behind", async () => {
    const database = await scene.database();
    const { port } = scene.bed.postgresql;
    await scene.rows(database, "CREATE TABLE gate (opened int)");
    const left = scene.rows(database, `SET application_name = 'dagster-ecs-0123'; ${atGate}`);
    expect((await scene.run(database, single(port), hurried)).cause?.id).toBe("migration-locked");
    await openGate(database);
    await left;
    expect(await scene.run(database, single(port), options)).toMatchObject({ cause: null, unchanged: false });
  });

  test("behind a pooler that shares sessions has no lock, and that is said", async () => {
    const { host, port } = scene.bed.postgresql;
    const pooler = await startPooler(host, { host, port });
    const { cause, said } = await scene.run(await scene.database(), single(pooler.port), options);
    await pooler.close();
    expect(cause).toBeNull();
    expect(said).toContain("a pooler between the task and PostgreSQL shares sessions");
  });

  test("on a database of its own kind is migrated without a lock, and that is said", async () => {
    const files = { "dagster.yaml": "telemetry: { enabled: false }\n" };
    const { cause, said } = await scene.run(await scene.database(), files, options);
    expect(cause).toBeNull();
    expect(said).toContain("without a lock, which only PostgreSQL has (which database this is cannot be told)");
  });
});
