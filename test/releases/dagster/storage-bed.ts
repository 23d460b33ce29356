import { chmod, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { machinePython } from "../../local-aws/backing/machine-python.ts";
import { startPostgresql } from "../../local-aws/backing/postgresql.ts";
import { openProcesses } from "../../local-aws/backing/processes.ts";
import { installedPackages } from "../../local-aws/backing/python-packages.ts";
import { runToEnd } from "../../local-aws/backing/server.ts";
import type { FakeClock } from "../../local-aws/fake-clock.ts";
import { environmentOf, overrideOf, type RuntimeTask } from "../../local-aws/runtime.ts";
import type { TaskBehaviour } from "../../local-aws/runtimes/scripted.ts";
import { storageYaml } from "./stack-file.ts";
import { writingDown } from "./upgrade.ts";

/** A real PostgreSQL with a storage as the older Dagster makes it, and the newer Dagster, which migrates it; nothing else of either. */
export interface StorageBed {
  /** For `database:` of a contract. */
  readonly database: string;
  /** Puts it back to what the older Dagster has made. */
  reset(): Promise<void>;
  rows(sql: string): Promise<readonly (readonly (string | null)[])[]>;
  /** A task that runs what its overrides say, on the newer Dagster and the database that its definition names. */
  task(task: RuntimeTask, clock: FakeClock): TaskBehaviour;
  close(): Promise<void>;
}

/** What is migrated, and what it is a copy of. */
const name = "storage";
const older = "older";

export async function openStorageBed(): Promise<StorageBed> {
  const folder = await mkdtemp(join(tmpdir(), "storage-"));
  const processes = await openProcesses(folder);
  try {
    // PostgreSQL may run as somebody else, who must get at what is below.
    await chmod(folder, 0o755);
    const python = await machinePython();
    const home = join(folder, "home");
    await mkdir(home);
    await writeFile(join(home, "dagster.yaml"), `${storageYaml}telemetry: { enabled: false }\n`);
    const packagesOf = (lock: string): Promise<string> =>
      installedPackages(python, fileURLToPath(new URL(`../../fixtures/python/${lock}.txt`, import.meta.url)), {
        compile: true,
      });
    const environment = async (lock: string): Promise<Readonly<Record<string, string>>> => ({
      PATH: "/usr/bin:/bin",
      PYTHONPATH: await packagesOf(lock),
      PYTHONNOUSERSITE: "1",
      DAGSTER_HOME: home,
      DAGSTER_PG_PASSWORD: "secret",
    });
    const host = `${processes.block}.255.3`;
    const postgresql = await startPostgresql({ processes, host, folder: join(folder, "postgresql") });
    const { port, user } = postgresql;
    const database = { DAGSTER_PG_HOST: host, DAGSTER_PG_PORT: String(port), DAGSTER_PG_USER: user };
    const newer = await environment("dagster");
    await postgresql.createDatabase(older);
    await runToEnd(processes, {
      name: "the older Dagster",
      program: python.executable,
      args: ["-m", "dagster", "instance", "migrate"],
      environment: { ...(await environment("dagster-1.9")), ...database, DAGSTER_PG_DB: older },
      folder: home,
    });
    await postgresql.query(older, writingDown);
    return {
      database: `{ host: ${host}, port: ${port}, name: ${name}, user: ${user}, password: "secret:storage" }`,
      reset: async () => {
        await postgresql.query(user, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
        await postgresql.createDatabase(name, older);
      },
      rows: (sql) => postgresql.query(name, sql),
      task: (task, clock) => ({
        kind: "runs",
        startsAfterSeconds: 1,
        program: ({ write, exited }) => {
          const [container] = task.overrides.containerOverrides ?? [];
          const [, ...args] = overrideOf(task, container?.name ?? "")?.command ?? [];
          const child = processes.start({
            program: python.executable,
            args,
            environment: { ...environmentOf(task, container?.name ?? ""), ...newer },
            folder: home,
          });
          for (const stream of [child.stdout, child.stderr])
            if (stream !== null) createInterface({ input: stream }).on("line", write);
          const ended = new Promise<void>((resolve) => {
            child.once("close", (code) => {
              exited(code ?? 137);
              resolve();
            });
          });
          clock.accompany(ended);
          return { signal: (signal) => child.kill(signal) };
        },
      }),
      close: async () => {
        await postgresql.stop();
        await processes.close();
      },
    };
  } catch (error) {
    await processes.close();
    throw error;
  }
}
