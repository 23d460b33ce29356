import type { Files } from "./scene.ts";

/** As `alembic init` makes it, but for where the URL comes from. */
export const plainEnv = `import os
from logging.config import fileConfig
from alembic import context
from sqlalchemy import create_engine, pool, text

fileConfig(context.config.config_file_name)

with create_engine(os.environ["DATABASE_URL"], poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
`;

/** What env.py reads of an ini file, after the words of `alembic init`: what is logged is told on stderr. */
export const loggingSections = `[loggers]
keys = root,alembic
[handlers]
keys = console
[formatters]
keys = plain
[logger_root]
level = WARNING
handlers = console
[logger_alembic]
level = INFO
handlers =
qualname = alembic
[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = plain
[formatter_plain]
format = %(message)s
`;

const ini = `[alembic]
script_location = %(here)s/alembic
prepend_sys_path = .
${loggingSections}`;

/** Every revision writes a line into \`applied\`: two of them would show that it ran twice. */
export const first = {
  id: "0001",
  after: null,
  doc: "Keep the deals.",
  upgrade: "CREATE TABLE deals (id int); CREATE TABLE applied (revision text)",
};
export const second = {
  id: "0002",
  after: "0001",
  doc: "Give each deal a score.",
  upgrade: "ALTER TABLE deals ADD score float",
};

export interface RevisionFile {
  readonly id: string;
  readonly after: string | null;
  readonly doc: string;
  /** SQL, or Python when it begins with \`python:\`. */
  readonly upgrade: string;
}

/** A checkout of migrations. */
export function migrationsOf(revisions: readonly RevisionFile[], changes: Files = {}): Files {
  const versions = revisions.map(({ id, after, doc, upgrade }) => {
    const note = `op.execute("INSERT INTO applied VALUES ('${id}')")`;
    const text = `"""${doc}"""
from alembic import op
revision = ${JSON.stringify(id)}
down_revision = ${after === null ? "None" : JSON.stringify(after)}
def upgrade():
    ${upgrade.startsWith("python:") ? upgrade.slice("python:".length) : `op.execute(${JSON.stringify(upgrade)})`}
    ${note}
`;
    return [`alembic/versions/${id}.py`, text] as const;
  });
  return { "alembic.ini": ini, "alembic/env.py": plainEnv, ...Object.fromEntries(versions), ...changes };
}
