import { isWholeReport, judgeMigration, type MigrationEnd } from "../../../src/migrations/judge.ts";
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
  judgeMigration({ kind: "alembic" }, "application", end, lines);

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
