import { migrationCommand } from "../../../src/migrations/migrate.ts";

test.each([
  ["alembic", null, ["alembic", "upgrade", "head"]],
  ["dagster", null, ["dagster", "instance", "migrate"]],
  ["alembic", "/app", ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", "/app", "alembic", "upgrade", "head"]],
  [
    "alembic",
    '/a"; rm -rf /',
    ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", '/a"; rm -rf /', "alembic", "upgrade", "head"],
  ],
] as const)("%s in %s is started by its own words, and the folder is never shell text", (kind, workdir, command) => {
  expect(migrationCommand({ tool: { kind }, workdir })).toEqual(command);
});
