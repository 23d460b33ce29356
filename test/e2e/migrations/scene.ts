import {
  DescribeTasksCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  StopTaskCommand,
} from "@aws-sdk/client-ecs";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ecs } from "../../../src/aws/ecs.ts";
import { logs } from "../../../src/aws/logs.ts";
import type { Context, Progress } from "../../../src/domain/context.ts";
import { Cancelled } from "../../../src/domain/errors.ts";
import type { MigrationTool } from "../../../src/migrations/command.ts";
import { migrate, type MigrationResult } from "../../../src/migrations/migrate.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { buildLayer } from "../../local-aws/infrastructure/layer.ts";
import { playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { pushOnDagster } from "../process-runtime/images.ts";

/** Files of an image, by their path below its working directory. */
export type Files = Readonly<Record<string, string>>;

export interface MigrationOptions {
  readonly tool?: MigrationTool;
  /** URL as SQLAlchemy reads it; that of the database unless told. */
  readonly url?: string;
  /** Further variables of its task. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Tasks of the same database are waited for first. */
  readonly alone?: boolean;
}

/** A migration that goes on. */
export interface Running {
  readonly progress: readonly Progress[];
  readonly result: Promise<MigrationResult>;
  cancel(): void;
  /** Resolves when the task, or the action, has said this. */
  said(words: string): Promise<void>;
}

/** A bed on which the product runs migrations as tasks, with images of alembic, SQLAlchemy and psycopg2. */
export interface Scene {
  readonly bed: Bed;
  /** Makes an empty database. @returns its name */
  database(): Promise<string>;
  /** First columns of all rows. */
  rows(database: string, sql: string): Promise<readonly (string | null)[]>;
  /** Somebody stops its tasks. */
  stopTasks(database: string): Promise<void>;
  /** SIGKILL to the processes of its tasks, as the kernel sends it where memory ends. */
  killTasks(database: string): Promise<void>;
  /** Resolves when no task of the database runs, or is still stopping. */
  tasksGone(database: string): Promise<void>;
  begin(database: string, files: Files, options?: MigrationOptions): Running;
  run(database: string, files: Files, options?: MigrationOptions): Promise<MigrationResult>;
}

export const alembic: Extract<MigrationTool, { readonly kind: "alembic" }> = {
  kind: "alembic",
  lockTimeoutSeconds: 60,
  statementTimeoutSeconds: null,
  checkModels: false,
};

/** @param lockFile of what its images have; Dagster, alembic and their drivers unless told */
export async function openScene(lockFile?: string): Promise<Scene> {
  const bed = await startBed({ speed: 100 });
  const infrastructure = await playInfrastructure(bed, { stack: "small", repositories: ["small/code"], services: {} });
  process.env["AWS_ENDPOINT_URL"] = bed.url;
  const settings = { region: bed.region, credentials: { accessKeyId: "deployer", secretAccessKey: "secret" } };
  const image = { registry: bed.url, repository: "small/code", base: infrastructure.base, python: bed.python };
  const pushed = new Map<string, Promise<string>>();
  const push = (files: Files): Promise<string> => {
    const key = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 16);
    const known = pushed.get(key) ?? pushFiles(key, files);
    pushed.set(key, known);
    return known;
  };
  const pushFiles = async (key: string, files: Files): Promise<string> => {
    const entries = Object.entries(files).map(([path, text]) => {
      return { kind: "file", path: `app/${path}`, executable: false, content: Buffer.from(text) } as const;
    });
    const layer = await buildLayer(join(bed.folder, `${key}.tar.gz`), () => entries);
    return `${infrastructure.registry}/small/code@${await pushOnDagster(image, key, layer, [], lockFile)}`;
  };
  let names = 0;
  const begin: Scene["begin"] = (database, files, { tool = alembic, url, environment = {}, alone = false } = {}) => {
    const progress: Progress[] = [];
    const controller = new AbortController();
    const context: Context = {
      clock: realClock,
      signal: controller.signal,
      report: (event) => void progress.push(event),
    };
    const clients = { ecs: ecs(context, settings), logs: logs(context, settings) };
    const { host, port, user } = bed.postgresql;
    const act = async (): Promise<MigrationResult> => {
      const family = `small-once-${database}`;
      const { taskDefinition } = await clients.ecs(
        new RegisterTaskDefinitionCommand({
          family,
          networkMode: "awsvpc",
          requiresCompatibilities: ["FARGATE"],
          cpu: "256",
          memory: "512",
          executionRoleArn: infrastructure.roleArn("small-execution"),
          containerDefinitions: [
            {
              name: "once",
              image: await push(files),
              environment: [
                { name: "DATABASE_URL", value: url ?? `postgresql+psycopg2://${user}@${host}:${port}/${database}` },
                { name: "DATABASE_HOST", value: host },
                { name: "DATABASE_NAME", value: database },
                { name: "DAGSTER_HOME", value: "/app" },
                ...Object.entries(environment).map(([name, value]) => ({ name, value })),
              ],
              logConfiguration: {
                logDriver: "awslogs",
                options: {
                  "awslogs-group": "/dagster/small",
                  "awslogs-region": bed.region,
                  "awslogs-stream-prefix": "once",
                },
              },
            },
          ],
        }),
      );
      names += 1;
      return migrate(clients, context, {
        name: database,
        tool,
        workdir: null,
        secrets: [],
        task: {
          cluster: "small",
          taskDefinition: taskDefinition?.taskDefinitionArn ?? "",
          container: "once",
          environment: {},
          network: { subnets: ["subnet-0a11cea"], securityGroups: ["sg-0a11ce"], publicAddress: false },
          clientToken: `${database}-${names}`,
          startedBy: "test",
          tags: {},
          timeoutSeconds: 120,
          aloneIn: alone ? family : null,
          log: { group: "/dagster/small", prefix: "once" },
        },
      });
    };
    return {
      progress,
      result: act(),
      cancel: () => controller.abort(new Cancelled()),
      said: async (words) => {
        while (!progress.some((event) => textOf(event).includes(words))) await realClock.sleep(100);
      },
    };
  };
  return {
    bed,
    database: async () => {
      names += 1;
      await bed.postgresql.createDatabase(`db${names}`);
      return `db${names}`;
    },
    rows: async (database, sql) => (await bed.postgresql.query(database, sql)).map(([first = null]) => first),
    stopTasks: async (database) => {
      const asked = ecs({ clock: realClock, signal: new AbortController().signal }, settings);
      const cluster = "small";
      const { taskArns = [] } = await asked(new ListTasksCommand({ cluster, family: `small-once-${database}` }));
      for (const task of taskArns) await asked(new StopTaskCommand({ cluster, task, reason: "stopped by hand" }));
    },
    killTasks: async (database) => {
      const found = await processesWith({ ...bed.mark, DATABASE_NAME: database });
      if (found.length === 0) throw new Error(`no task of ${database} runs`);
      for (const pid of found) process.kill(pid, "SIGKILL");
    },
    tasksGone: async (database) => {
      const asked = ecs({ clock: realClock, signal: new AbortController().signal }, settings);
      const [cluster, family] = ["small", `small-once-${database}`];
      for (;;) {
        const { taskArns: running = [] } = await asked(new ListTasksCommand({ cluster, family }));
        const { taskArns: stopped = [] } = await asked(
          new ListTasksCommand({ cluster, family, desiredStatus: "STOPPED" }),
        );
        const command = new DescribeTasksCommand({ cluster, tasks: stopped });
        const { tasks = [] } = stopped.length === 0 ? {} : await asked(command);
        if (running.length === 0 && tasks.every(({ lastStatus }) => lastStatus === "STOPPED")) return;
        await realClock.sleep(100);
      }
    },
    begin,
    run: (database, files, options) => begin(database, files, options).result,
  };
}

/** Processes of this machine that were started with all of these variables. */
async function processesWith(variables: Readonly<Record<string, string>>): Promise<readonly number[]> {
  const wanted = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const found: number[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    // Others come and go, and some are not ours to look at.
    const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    if (wanted.every((variable) => environment.split("\0").includes(variable))) found.push(Number(pid));
  }
  return found;
}

function textOf(event: Progress): string {
  if (event.kind === "foreign") return event.text.untrusted;
  return event.kind === "line" ? event.text : "";
}

const realClock: Context["clock"] = {
  now: () => Date.now(),
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};
