import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { machinePython } from "../../local-aws/backing/machine-python.ts";
import { openProcesses, type Processes } from "../../local-aws/backing/processes.ts";
import { installedPackages } from "../../local-aws/backing/python-packages.ts";
import { runToEnd, type Server, startServer } from "../../local-aws/backing/server.ts";
import { freePort } from "../../loopback.ts";

/** A real Dagster as plain processes of this machine, with SQLite, whose location `shop` has its code in folders: one for each version. */
export interface Dagster {
  readonly folder: string;
  /** Address of the webserver. */
  readonly url: string;
  /** The folder of a version, which is written. Its job `tell` says in which version it ran. */
  version(name: string): Promise<string>;
  /** Starts what waits for requests, and waits until it answers. */
  start(name: string, args: readonly string[], options: StartOptions): Promise<Server>;
  /** Runs a command of Dagster to its end. */
  command(args: readonly string[]): Promise<void>;
  /** What the webserver has loaded. */
  location(): Promise<Location | null>;
  /** Puts a run into the queue. @returns its id */
  launch(): Promise<string>;
  /** How a run ended, and what it said of the version that it ran in. */
  ended(run: string): Promise<{ readonly status: string; readonly said: string }>;
  ask<T>(query: string, answer: z.ZodType<T>, variables?: object): Promise<T>;
  close(): Promise<void>;
}

interface StartOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly ready: () => Promise<boolean>;
}

export interface Location {
  readonly serverId: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface DagsterOptions {
  /** Of `dagster.yaml`, beside what every instance has. */
  readonly yaml: string;
  readonly environment?: Readonly<Record<string, string>>;
}

const lockFile = fileURLToPath(new URL("../../fixtures/python/dagster.txt", import.meta.url));
const reader = fileURLToPath(new URL("../../../docker/dag-reader", import.meta.url));

export async function openDagster(options: DagsterOptions): Promise<Dagster> {
  const folder = await mkdtemp(join(tmpdir(), "dags-"));
  const processes = await openProcesses(folder);
  try {
    return await openIn(folder, processes, options);
  } catch (error) {
    await processes.close();
    throw error;
  }
}

async function openIn(folder: string, processes: Processes, options: DagsterOptions): Promise<Dagster> {
  const python = await machinePython();
  const packages = await installedPackages(python, lockFile, { compile: true });
  const said = join(folder, "said");
  const home = join(folder, "home");
  await Promise.all([said, home].map((path) => mkdir(path)));
  await writeFile(join(home, "dagster.yaml"), `${instance}${options.yaml}`);
  const environment = {
    PATH: `${join(packages, "bin")}:/usr/bin:/bin`,
    PYTHONPATH: `${packages}:${reader}`,
    PYTHONNOUSERSITE: "1",
    HOME: folder,
    LANG: "C.UTF-8",
    DAGSTER_HOME: home,
    SAID: said,
    ...options.environment,
  };
  const webserver = `http://127.0.0.1:${await freePort()}`;

  const command = (args: readonly string[]): Promise<void> =>
    runToEnd(processes, {
      name: args.join(" "),
      program: python.executable,
      args: ["-m", ...args],
      environment,
      folder,
    });
  const ask: Dagster["ask"] = async (query, answer, variables = {}) => {
    const body = JSON.stringify({ query, variables });
    const response = await fetch(`${webserver}/graphql`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    return z.object({ data: answer }).parse(await response.json()).data;
  };
  const location = async (): Promise<Location | null> => {
    const { workspaceOrError } = await ask(locationQuery, locationSchema);
    const [entry] = workspaceOrError.locationEntries;
    if (entry?.locationOrLoadError?.serverId === undefined) return null;
    const metadata = Object.fromEntries(entry.displayMetadata.map(({ key, value }) => [key, value]));
    return { serverId: entry.locationOrLoadError.serverId, metadata };
  };
  const start: Dagster["start"] = (name, args, { environment: more = {}, ready }) =>
    startServer(processes, {
      name,
      program: python.executable,
      args: ["-m", ...args],
      environment: { ...environment, ...more },
      folder,
      ready,
      stopSignal: "SIGTERM",
    });
  // Whoever comes first makes the tables of SQLite, and two at once get into each other's way.
  await command(["dagster", "instance", "migrate"]);

  return {
    folder,
    url: webserver,
    command,
    start: (name, args, given) => {
      const own = name === "webserver" ? ["-h", "127.0.0.1", "-p", new URL(webserver).port] : [];
      return start(name, [...args, ...own], given);
    },
    version: async (name) => {
      const at = join(folder, "versions", name);
      await mkdir(at, { recursive: true });
      for (const [file, text] of Object.entries(shopFiles(name))) await writeFile(join(at, file), text);
      return at;
    },
    location,
    launch: async () => {
      const selector = { repositoryLocationName: "shop", repositoryName: "__repository__", jobName: "tell" };
      const { launchRun } = await ask(launchMutation, launchSchema, { params: { selector, mode: "default" } });
      return launchRun.run.runId;
    },
    ended: async (run) => {
      const status = await until(
        async () => (await ask(runQuery, runSchema, { run })).runOrError.status,
        (now) => ["SUCCESS", "FAILURE", "CANCELED"].includes(now),
      );
      return { status, said: await readFile(join(said, run), "utf8").catch(() => "nothing") };
    },
    ask,
    close: () => processes.close(),
  };
}

/** The files of a version. */
export function shopFiles(version: string): Readonly<Record<string, string>> {
  return { "version.py": `VERSION = ${JSON.stringify(version)}\n`, "shop.py": shop };
}

/** Asks until the answer is as wanted. @throws Error with the last answer when that takes longer than a minute and a half. */
export async function until<T>(question: () => Promise<T>, wanted: (answer: T) => boolean): Promise<T> {
  const limit = performance.now() + 90_000;
  for (;;) {
    const answer = await question();
    if (wanted(answer)) return answer;
    if (performance.now() > limit) throw new Error(`still ${JSON.stringify(answer)}`);
    await sleep(200);
  }
}

const instance = `telemetry: { enabled: false }
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config: { dequeue_interval_seconds: 1 }
`;

/** Says its version as it was imported, and as it is imported while it runs. */
const shop = `import os
import pathlib

import dagster as dg
from version import VERSION


@dg.op
def say(context):
    import version

    pathlib.Path(os.environ["SAID"], context.run_id).write_text(f"{VERSION} {version.VERSION}")


@dg.job(executor_def=dg.in_process_executor)
def tell():
    say()


@dg.schedule(job=tell, cron_schedule="0 0 1 1 *")
def yearly():
    return {}


defs = dg.Definitions(jobs=[tell], schedules=[yearly])
`;

const locationQuery = `{ workspaceOrError { ... on Workspace { locationEntries {
  displayMetadata { key value } locationOrLoadError { ... on RepositoryLocation { serverId } } } } } }`;
const locationSchema = z.object({
  workspaceOrError: z.object({
    locationEntries: z.array(
      z.object({
        displayMetadata: z.array(z.object({ key: z.string(), value: z.string() })),
        locationOrLoadError: z.object({ serverId: z.string().optional() }).nullable(),
      }),
    ),
  }),
});
const launchMutation = `mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) { ... on LaunchRunSuccess { run { runId } } } }`;
const launchSchema = z.object({ launchRun: z.object({ run: z.object({ runId: z.string() }) }) });
const runQuery = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }";
const runSchema = z.object({ runOrError: z.object({ status: z.string() }) });
