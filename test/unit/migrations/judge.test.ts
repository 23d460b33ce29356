import { isWholeReport, judgeMigration, type MigrationEnd } from "../../../src/migrations/judge.ts";
import { modelFindings } from "../../../src/migrations/models.ts";
import type { TaskEnd } from "../../../src/tasks/judge.ts";

const exited = (exitCode: number, more: Partial<Extract<TaskEnd, { kind: "exited" }>> = {}): TaskEnd => ({
  kind: "exited",
  exitCode,
  stopCode: "EssentialContainerExited",
  reason: "Essential container in task exited",
  others: [],
  ...more,
});
const last = (facts: object = {}): string =>
  ` ${JSON.stringify({ end: "done", lock: "held", database: "postgresql", heads: ["b"], before: ["a"], after: ["b"], unknown: [], ...facts })}`;
const begun = ' {"revision":"b","doc":"Give each deal a score."}';
const judge = (end: TaskEnd, ...lines: readonly string[]): MigrationEnd =>
  judgeMigration({ kind: "alembic", checkModels: false }, "application", end, lines);

test.each<[string, readonly string[], Partial<MigrationEnd>]>([
  [
    "an upgrade tells from where to where, and which revisions",
    [begun, last()],
    { before: ["a"], after: ["b"], unchanged: false, said: "from a to b by 1 revision" },
  ],
  [
    "a schema at head has nothing to do",
    [last({ end: "none", before: ["b"] })],
    { after: ["b"], unchanged: true, said: "nothing to do: the schema is at b" },
  ],
  ["a first upgrade begins at the beginning", [last({ before: [] })], { said: "from its beginning to b" }],
  [
    "a lock that keeps nobody off has a word",
    [last({ lock: "void" })],
    { said: expect.stringContaining("a pooler between the task and PostgreSQL shares sessions") as string },
  ],
  [
    "and so has a database that has none",
    [last({ lock: "none", database: "mysql" })],
    { said: expect.stringContaining("without a lock, which only PostgreSQL has (this is mysql)") as string },
  ],
  [
    "also one of which nothing can be told",
    [last({ lock: "none", database: null, before: null, after: null })],
    { said: expect.stringContaining("without a lock, which only PostgreSQL has (which database this is") as string },
  ],
  ["without its report nothing is known but the exit code", [], { after: null, unchanged: null, said: "done" }],
  ["what is no report is not taken for one", [" {}", " [1", " null", ' {"end":1}'], { after: null, said: "done" }],
])("%s", (_, lines, wanted) => expect(judge(exited(0), ...lines)).toMatchObject({ cause: null, ...wanted }));

test.each<[string, TaskEnd, readonly string[], string, RegExp]>([
  [
    "several heads",
    exited(80),
    [last({ heads: ["a", "b"] })],
    "migration-heads",
    /several heads \(a, b\).*Nothing was/,
  ],
  ["a database that is ahead", exited(81), [last({ unknown: ["x"] })], "migration-ahead", /is at x, .*ahead of this/],
  [
    "a database that is ahead, by nobody knows what",
    exited(81),
    [last({ before: null, after: null, unknown: null })],
    "migration-ahead",
    /is at an unknown revision, which this image/,
  ],
  [
    "a failure before the heads were asked for",
    exited(1),
    [last({ before: null, after: null })],
    "migration-failed",
    /exit code 1\. Where the schema stands is not known\.$/,
  ],
  ["a database that is not reached", exited(82), [], "migration-unreachable", /Nothing was migrated/],
  ["another migration at work", exited(83), [], "migration-locked", /another one holds the lock/],
  [
    "a lock on a table",
    exited(84),
    [last({ after: ["a"] })],
    "migration-lock-timeout",
    /The schema is at a, as before\.$/,
  ],
  ["a slow statement", exited(85), [last({ after: ["a"] })], "migration-statement-timeout", /longer than/],
  [
    "a failure that leaves half of it",
    exited(1),
    [last({ after: ["a2"] })],
    "migration-failed",
    /exit code 1\. The schema is at a2 now\.$/,
  ],
  [
    "a failure after which the database is gone",
    exited(1),
    [last({ after: null })],
    "migration-failed",
    /was at a; where it is now is not known/,
  ],
  ["a failure without a word", exited(3), [], "migration-failed", /ended with exit code 3\.$/],
  [
    "a sidecar that failed beside it",
    exited(1, { others: [{ name: "proxy", exitCode: 137, reason: "OutOfMemoryError" }] }),
    [],
    "migration-failed",
    /Beside it: proxy: exit code 137, OutOfMemoryError\./,
  ],
  [
    "somebody who stops the task",
    exited(143, { stopCode: "UserInitiated", reason: "Task stopped by user" }),
    [begun],
    "migration-stopped",
    /was stopped \(exit code 143\): Task stopped by user/,
  ],
  [
    "too little memory",
    exited(137, { reason: "OutOfMemoryError: Container killed due to memory usage" }),
    [],
    "migration-stopped",
    /OutOfMemoryError/,
  ],
  [
    "a task that never ran",
    { kind: "never-started", stopCode: "TaskFailedToStart", reason: "no", advice: "do" },
    [],
    "migration-never-started",
    /never started \(TaskFailedToStart\): nothing was changed/,
  ],
])("%s is red, with its own words", (_, end, lines, id, what) => {
  expect(judge(end, ...lines).cause).toMatchObject({ id, what: expect.stringMatching(what) as string });
});

test("a report of success beside an exit code that says otherwise is red", () => {
  expect(judge(exited(1), last()).cause?.id).toBe("migration-failed");
});

test("the exit codes of another command mean nothing to us", () => {
  expect(judgeMigration({ kind: "command" }, "application", exited(81), []).cause?.id).toBe("migration-failed");
});

test.each([
  [[begun], false],
  [[begun, last()], true],
  [[last({ end: "failed", before: null, after: null })], true],
])("the report %j is whole: %j", (lines, whole) => expect(isWholeReport(lines)).toBe(whole));

describe("models", () => {
  const asked = (end: TaskEnd, ...lines: readonly string[]): MigrationEnd =>
    judgeMigration({ kind: "alembic", checkModels: true }, "application", end, lines);
  const said = (models: object): string => JSON.stringify({ models });
  const place = { file: "dagster-stack.yml", line: 3, column: 5 };
  const found = ({ models }: MigrationEnd) => modelFindings("application", place, models);

  test("that are as the schema are no finding", () => {
    const end = asked(exited(0), said({ count: 0, differ: [] }), last());
    expect(end).toMatchObject({
      cause: null,
      models: { kind: "equal" },
      said: "from a to b; the models are as the schema",
    });
    expect(found(end)).toEqual([]);
  });

  test("that differ are one, also where there was nothing to apply: the first differences, and how many more", () => {
    const end = asked(
      exited(0),
      said({ count: 3, differ: ["add_column deals score", "add_table bids"] }),
      last({ end: "none" }),
    );
    expect(end.said).toBe("nothing to do: the schema is at b; the models differ from it in 3 points");
    expect(found(end)).toEqual([
      expect.objectContaining({
        id: "models-differ",
        level: "warning",
        where: place,
        what: "The models of migration application are not what its revisions make of the schema, which is at head, and stays. To be equal it would need: add_column deals score; add_table bids; and 1 more.",
      }),
    ]);
  });

  test.each([
    [
      "and says why",
      [said({ why: "alembic 1.8.1 has no check" })],
      /which is at head: alembic 1\.8\.1 has no check\.$/,
    ],
    ["and says nothing", [], /its task has said nothing of them\.$/],
    ["and says what is no answer", [said({ count: -1, differ: [] })], /its task has said nothing of them\.$/],
  ])("that its task has not compared %s are a finding of their own", (_, lines, what) => {
    const end = asked(exited(0), ...lines, last());
    expect(end.said).toMatch(/; the models were not compared with it$/);
    expect(found(end)).toEqual([
      expect.objectContaining({
        id: "models-not-compared",
        level: "warning",
        what: expect.stringMatching(what) as string,
      }),
    ]);
  });

  test("are not shown with what only a secret looks like", () => {
    const end = asked(exited(0), said({ why: "postgresql://app:hunter22@db/x is gone" }), last());
    expect(JSON.stringify(found(end))).not.toContain("hunter22");
  });

  test("are nobody's question when it was not asked, or the migration failed", () => {
    expect(judge(exited(0), said({ count: 1, differ: ["x"] }), last()).models).toBeNull();
    expect(asked(exited(1), said({ count: 1, differ: ["x"] }), last()).models).toBeNull();
  });
});
