import { runPost, startStep } from "../../runner/run-step.ts";
import { type ActionScene, type MigrationStack, openActionScene, secrets } from "./action.ts";
import { first, migrationsOf, second } from "./files.ts";

// The committed bundle as a process, against a real PostgreSQL; what migrations do beyond that is in migrations.test.ts.

let scene: ActionScene;
let stack: MigrationStack;
beforeAll(async () => {
  scene = await openActionScene();
  stack = await scene.stack("small");
});
afterAll(() => scene.close());

const column = async (database: string, sql: string): Promise<readonly (string | null | undefined)[]> =>
  (await scene.bed.postgresql.query(database, sql)).map(([value]) => value);
const applied = (database: string) => column(database, "SELECT revision FROM applied ORDER BY 1");
const heads = (database: string) => column(database, "SELECT version_num FROM alembic_version");
const python = (script: string): string => `tool: command, command: ["python3", "-c", ${JSON.stringify(script)}]`;

/** Goes on as long as the gate of the database is closed. */
const gated = migrationsOf([
  first,
  second,
  {
    id: "0003",
    after: "0002",
    doc: "More.",
    upgrade: "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.1); END LOOP; END $$",
  },
]);

test("an action that is killed leaves its task at work; run again it waits for that one, and nothing is applied twice", async () => {
  const database = await scene.database();
  await column(database, "CREATE TABLE gate (opened int)");
  await stack.write(database, gated);
  const reached = Promise.withResolvers<void>();
  const step = await stack.build(stack.job(1));
  const killed = await startStep(stack.job(1), step, (line) => line.includes("-> 0003") && reached.resolve());
  await Promise.race([reached.promise, killed.result]);
  process.kill(killed.pid, "SIGKILL");
  expect((await killed.result).exitCode).toBeNull();
  const waits = Promise.withResolvers<void>();
  const again = await startStep(
    stack.job(1, 2),
    step,
    (line) => line.includes("of an earlier attempt") && waits.resolve(),
  );
  await Promise.race([waits.promise, again.result]);
  await column(database, "INSERT INTO gate VALUES (1)");
  const result = await again.result;
  await runPost(stack.job(1, 2), step, result);
  const { exitCode, log } = result;
  expect({ exitCode, log: log.join("\n") }).toEqual({
    exitCode: 0,
    log: expect.stringContaining("nothing to do: the schema is at 0003") as string,
  });
  expect(await heads(database)).toEqual(["0003"]);
  expect(await applied(database)).toEqual(["0001", "0002", "0003"]);
});

test("what a program prints, in whatever bytes, commands nothing to the runner", async () => {
  const script = [
    "import sys",
    "print('::error::stop')",
    "print('\\x1b[31m::set-output name=a::b')",
    "print('##[error]stop')",
    "sys.stdout.flush()",
    "sys.stdout.buffer.write(bytes(range(256)) * 20 + b'\\n::add-mask::end\\nend')",
  ].join("; ");
  await stack.write(await scene.database(), { "empty.txt": "" }, python(script));
  const { exitCode, log, annotations, outputs } = await stack.run(stack.job(2));
  expect({ exitCode, annotations, names: Object.keys(outputs).includes("a") }).toEqual({
    exitCode: 0,
    annotations: [],
    names: false,
  });
  expect(log.filter((line) => line.includes("error::stop"))).toHaveLength(1);
  expect(log.at(-1)).not.toContain("***");
  expect(log.some((line) => line.endsWith("│ end"))).toBe(true);
});

test("a program of a second that prints 100,000 lines loses none, and each stands in the log once", async () => {
  await stack.write(await scene.database(), { "empty.txt": "" }, python("for n in range(100_000): print(f'line {n}')"));
  const { exitCode, log } = await stack.run(stack.job(3));
  expect(exitCode).toBe(0);
  const numbers = log.flatMap((line) => / │ line (\d+)$/.exec(line)?.[1] ?? []);
  expect(numbers).toHaveLength(100_000);
  expect(numbers.every((number, at) => number === String(at))).toBe(true);
});

test("secrets of its definition that a program prints are in no log, summary or record", async () => {
  const database = await scene.database();
  const files = migrationsOf([first, { ...second, upgrade: "python:print(dict(__import__('os').environ))" }]);
  await stack.write(database, files);
  const { exitCode, log, summary } = await stack.run(stack.job(4));
  expect(exitCode).toBe(0);
  expect(await applied(database)).toEqual(["0001", "0002"]);
  const said = [...log, summary].join("\n");
  expect(said).toContain("DATABASE_URL");
  expect(said).not.toContain(secrets.password);
  expect(said).not.toContain(secrets.TOKEN);
});
