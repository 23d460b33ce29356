import { type MigrationTool, migrationCommand } from "../../../src/migrations/command.ts";

const alembic: MigrationTool = {
  kind: "alembic",
  lockTimeoutSeconds: 60,
  statementTimeoutSeconds: null,
  checkModels: false,
};
const dagster: MigrationTool = { kind: "dagster", lockTimeoutSeconds: 60 };
const other: MigrationTool = { kind: "command", command: ["python", "-m", "app.migrate", "--all"] };
const mark = "dagster-ecs-0123456789abcdef01234567";

test.each<[string, MigrationTool, readonly string[]]>([
  ["alembic", alembic, [mark, "60", "", "", "TOKEN,URL", "/app"]],
  [
    "alembic",
    { ...alembic, lockTimeoutSeconds: 5, statementTimeoutSeconds: 90 },
    [mark, "5", "90", "", "TOKEN,URL", "/app"],
  ],
  ["alembic", { ...alembic, checkModels: true }, [mark, "60", "", "models", "TOKEN,URL", "/app"]],
  ["dagster", dagster, [mark, "60", "TOKEN,URL", "/app"]],
])("%s is told what it needs by its arguments, the folder too", (_, tool, wanted) => {
  const [python, option, , ...args] = migrationCommand(tool, "/app", mark, ["TOKEN", "URL"]);
  expect([python, option, args]).toEqual(["python3", "-c", wanted]);
});

test.each([alembic, dagster])("the program of $kind leaves room in what RunTask takes", (tool) => {
  const command = migrationCommand(tool, `/${"folder/".repeat(30)}`, mark, ["S".repeat(2500)]);
  const overrides = { containerOverrides: [{ name: "once", command, environment: [] }] };
  expect(JSON.stringify(overrides).length).toBeLessThan(8_100);
});

test.each([
  [null, other.command],
  ["/app", ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", "/app", ...other.command]],
  ['/a"; rm -rf /', ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", '/a"; rm -rf /', ...other.command]],
])("another command in %s is started by its own words, and the folder is never shell text", (workdir, command) => {
  expect(migrationCommand(other, workdir, mark, ["TOKEN"])).toEqual(command);
});
