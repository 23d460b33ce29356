import { chmod, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { type Dagster, dagster } from "../../../src/dagster/client.ts";
import {
  activeRuns,
  launchRun,
  locations,
  runById,
  terminateRuns,
  ticks,
  type TickedRepository,
  type WaitingRun,
  waitingRuns,
} from "../../../src/dagster/documents.ts";
import { scheduleTicks, sensorTicks, startSchedule } from "../../../src/dagster/instigators.ts";
import type { Context, Progress } from "../../../src/domain/context.ts";
import { instant } from "../../../src/domain/identifiers.ts";
import { drain } from "../../../src/gates/drain.ts";
import { handover } from "../../../src/gates/handover.ts";
import { settleQueuedRuns } from "../../../src/releases/queued-runs.ts";
import { machinePython } from "../../local-aws/backing/machine-python.ts";
import { type Postgresql, startPostgresql } from "../../local-aws/backing/postgresql.ts";
import { openProcesses, type Processes, type ProcessRequest } from "../../local-aws/backing/processes.ts";
import { installedPackages } from "../../local-aws/backing/python-packages.ts";
import { runToEnd, startServer } from "../../local-aws/backing/server.ts";
import { dealFlow } from "../../unit/releases/world.ts";
import { until } from "../process-runtime/stack.ts";

const location = "warehouse";

const workspace = `load_from:
  - python_file: { relative_path: definitions.py, location_name: ${location} }
`;

const definitions = `import os
import time
from dagster import DefaultScheduleStatus, DefaultSensorStatus, Definitions, SkipReason
from dagster import in_process_executor, job, op, schedule, sensor

@op
def wait():
    while not os.path.exists(os.environ["GATE"]):
        time.sleep(0.1)

@job(executor_def=in_process_executor)
def load():
    wait()

@schedule(cron_schedule="*/5 * * * *", job=load)
def often():
    return SkipReason("nothing to do")

@schedule(cron_schedule="0 0 1 1 *", job=load, default_status=DefaultScheduleStatus.RUNNING)
def each_year():
    return SkipReason("nothing to do")

@sensor(job=load, minimum_interval_seconds=1, default_status=DefaultSensorStatus.RUNNING)
def watch():
    return SkipReason("nothing to see")

definitions = Definitions(jobs=[load], schedules=[often, each_year], sensors=[watch])
`;

const instance = `storage:
  postgres: { postgres_url: { env: DATABASE_URL } }
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config: { dequeue_interval_seconds: 1 }
telemetry: { enabled: false }
`;

/** A daemon that went away: its schedule is on for an hour, and has ticked last at the time that is given. */
const formerDaemon = `import sys
from dagster import DagsterInstance
from dagster._core.scheduler.instigation import ScheduleInstigatorData, TickData, TickStatus

last = float(sys.argv[1])
with DagsterInstance.get() as instance:
    [state] = instance.all_instigator_state()
    instance.update_instigator_state(state.with_data(ScheduleInstigatorData("*/5 * * * *", last - 3600)))
    instance.create_tick(TickData(
        state.instigator_origin_id, state.instigator_name, state.instigator_type, TickStatus.SKIPPED, last,
        selector_id=state.selector_id, end_timestamp=last + 1, skip_reason="nothing to do",
    ))
`;

let folder: string;
let processes: Processes;
let database: Postgresql;
let asked: Dagster;
/** A program of Dagster's, but for its arguments. */
let program: Omit<ProcessRequest, "args">;

/** Waits less than the product would: how long is not what is asked here. */
const progress: Progress[] = [];
const context: Context = {
  clock: {
    now: () => Date.now(),
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds / 10)),
  },
  signal: new AbortController().signal,
  report: (event) => void progress.push(event),
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dagster-documents-"));
  await chmod(folder, 0o755); // PostgreSQL may run as somebody else, who must get at what is below
  processes = await openProcesses(folder);
  const host = `${processes.block}.0.2`;
  const python = await machinePython();
  const lockFile = fileURLToPath(new URL("../../fixtures/python/dagster.txt", import.meta.url));
  // The folder that becomes a layer of other tests' images: no byte code may get there.
  const packages = await installedPackages(python, lockFile, { compile: false });
  const code = join(folder, "code");
  await mkdir(code);
  await Promise.all(
    Object.entries({
      "workspace.yaml": workspace,
      "definitions.py": definitions,
      "dagster.yaml": instance,
      "former_daemon.py": formerDaemon,
    }).map(([name, text]) => writeFile(join(code, name), text)),
  );
  database = await startPostgresql({ processes, host, folder: join(folder, "postgresql") });
  program = {
    program: python.executable,
    folder: code,
    environment: {
      PATH: "/usr/bin:/bin",
      HOME: folder,
      TMPDIR: folder,
      PYTHONPATH: packages,
      PYTHONNOUSERSITE: "1",
      PYTHONPYCACHEPREFIX: join(folder, "pycache"),
      DAGSTER_HOME: code,
      DATABASE_URL: `postgresql+psycopg2://${database.user}@${database.host}:${database.port}/postgres`,
      GATE: join(folder, "gate"),
    },
  };
  const url = `http://${host}:3000`;
  await startServer(processes, {
    ...program,
    name: "dagster-webserver",
    args: ["-m", "dagster_webserver", "-h", host, "-p", "3000", "-w", "workspace.yaml"],
    ready: async (signal) => (await fetch(`${url}/server_info`, { signal })).ok,
    stopSignal: "SIGTERM",
  });
  asked = dagster({ url, login: null }, context);
  await until(
    async () => {
      const { workspaceOrError: known } = await asked.ask(locations);
      return "locationEntries" in known ? known.locationEntries : [];
    },
    ([entry]) => entry?.locationOrLoadError?.__typename === "RepositoryLocation",
  );
});

afterAll(() => processes.close());

/** @returns the run's id */
async function launch(): Promise<string> {
  const selector = { repositoryLocationName: location, repositoryName: "__repository__", jobName: "load" };
  const { launchRun: launched } = await asked.ask(launchRun, { params: { selector, mode: "default" } });
  if ("run" in launched) return launched.run.runId;
  throw new Error(JSON.stringify(launched));
}

interface Waiting {
  readonly createdAfter?: number;
  readonly cursor?: string;
  readonly limit?: number;
}

async function waiting({ createdAfter, cursor, limit = 100 }: Waiting = {}): Promise<readonly WaitingRun[]> {
  const filter = { statuses: ["QUEUED", "NOT_STARTED"], ...(createdAfter === undefined ? {} : { createdAfter }) };
  const { runsOrError: answer } = await asked.ask(waitingRuns, { filter, cursor: cursor ?? null, limit });
  if ("results" in answer) return answer.results;
  throw new Error(JSON.stringify(answer));
}

const idsOf = (runs: readonly { readonly runId: string }[]): readonly string[] => runs.map(({ runId }) => runId);

async function active(): Promise<readonly unknown[]> {
  const { runsOrError: answer } = await asked.ask(activeRuns);
  if ("results" in answer) return answer.results;
  throw new Error(JSON.stringify(answer));
}

async function statusOf(runId: string): Promise<string> {
  const { runOrError: known } = await asked.ask(runById, { runId });
  return "status" in known ? known.status : known.__typename;
}

/** @param moments seconds since 1970 */
async function ticked(moments: { readonly since: number; readonly until: number }): Promise<TickedRepository> {
  const { repositoriesOrError: known } = await asked.ask(ticks, moments);
  const [repository] = "nodes" in known ? known.nodes : [];
  if (repository === undefined) throw new Error(JSON.stringify(known));
  return repository;
}

describe("While nothing takes from the queue, a run that waits", () => {
  /** Milliseconds since 1970. */
  let since: number;
  /** Made before that moment, and after it; oldest first. */
  let before: string;
  let after: readonly string[];

  beforeAll(async () => {
    before = await launch();
    since = Date.now();
    after = [await launch(), await launch(), await launch()];
  });

  test("is told with its job, its location and when it was made, newest first; and is not under way", async () => {
    const runs = await waiting();
    expect(idsOf(runs)).toEqual([...after.toReversed(), before]);
    for (const { jobName, status, repositoryOrigin } of runs)
      expect({ jobName, status, repositoryOrigin }).toEqual({
        jobName: "load",
        status: "QUEUED",
        repositoryOrigin: { repositoryLocationName: location },
      });
    const made = runs.map(({ creationTime }) => creationTime * 1000);
    expect(made.toSorted((a, b) => b - a)).toEqual(made);
    expect(made.map((moment) => moment > since && moment <= Date.now())).toEqual([true, true, true, false]);
    expect(await active()).toEqual([]);
  });

  test("is not told when it was made before the moment that is asked about", async () => {
    expect(idsOf(await waiting({ createdAfter: since / 1000 }))).toEqual(after.toReversed());
    expect(await waiting({ createdAfter: Date.now() / 1000 })).toEqual([]);
  });

  test("is told on the page after the run that is the cursor", async () => {
    const createdAfter = since / 1000;
    const [first = "", second = "", third = ""] = after;
    expect(idsOf(await waiting({ createdAfter, limit: 2 }))).toEqual([third, second]);
    expect(idsOf(await waiting({ createdAfter, limit: 2, cursor: second }))).toEqual([first]);
    expect(await waiting({ createdAfter, limit: 2, cursor: first })).toEqual([]);
  });

  test("is listed, and cancelled when that is asked for, if code that was taken back made it", async () => {
    const settle = (where: string, choice: "keep" | "cancel") =>
      settleQueuedRuns(context, dealFlow(), asked, { [where]: since }, choice);
    expect(await settle("elsewhere", "cancel")).toBeNull();
    const listed = (cancelled: boolean) =>
      after
        .toReversed()
        .map((runId) => ({ id: { untrusted: runId }, job: { untrusted: "load" }, location, cancelled }));
    expect(await settle(location, "keep")).toMatchObject({ runs: listed(false), why: null });
    expect(await settle(location, "cancel")).toMatchObject({ runs: listed(true), why: null });
    expect(await Promise.all(after.map(statusOf))).toEqual(["CANCELED", "CANCELED", "CANCELED"]);
    expect(idsOf(await waiting())).toEqual([before]);
    expect(await settle(location, "cancel")).toBeNull();
  });

  test("that is not in the queue yet is listed, but not cancelled: Dagster refuses, and that is told", async () => {
    const runId = await launch();
    // As a webserver leaves it that ends between the two writes of a launch.
    await database.query(
      "postgres",
      `UPDATE runs SET status = 'NOT_STARTED', run_body = replace(run_body, 'Status.QUEUED', 'Status.NOT_STARTED')
       WHERE run_id = '${runId}'`,
    );
    expect(await settleQueuedRuns(context, dealFlow(), asked, { [location]: since }, "cancel")).toMatchObject({
      runs: [{ id: { untrusted: runId }, cancelled: false }],
      why: { untrusted: `Run ${runId} could not be terminated due to having status NOT_STARTED.` },
    });
    await database.query("postgres", `DELETE FROM runs WHERE run_id = '${runId}'`);
  });

  test("cannot be cancelled twice, nor when nobody knows it: each is answered for itself", async () => {
    const [over = ""] = after;
    const nobody = "00000000-0000-0000-0000-000000000000";
    const { terminateRuns: answer } = await asked.ask(terminateRuns, { runIds: [over, nobody] });
    expect(answer).toMatchObject({
      __typename: "TerminateRunsResult",
      terminateRunResults: [
        { __typename: "TerminateRunFailure", message: expect.stringContaining("status CANCELED") as string },
        { __typename: "RunNotFoundError", message: expect.stringContaining(nobody) as string },
      ],
    });
  });
});

describe("When a daemon comes after one that has gone", () => {
  /** When it was started, in milliseconds since 1970. */
  let startedAt: number;
  /** Seconds since 1970 of what the former one ticked last. */
  let last: number;

  beforeAll(async () => {
    await asked.ask(startSchedule, {
      selector: { repositoryLocationName: location, repositoryName: "__repository__", scheduleName: "often" },
    });
    startedAt = Date.now();
    last = (Math.floor(startedAt / 300_000) - 5) * 300;
    await runToEnd(processes, { ...program, name: "the former daemon", args: ["former_daemon.py", String(last)] });
  });

  const due = (): readonly number[] =>
    Array.from({ length: 10 }, (_, index) => last + 300 * (index + 1)).filter((moment) => moment < startedAt / 1000);

  test("a schedule tells its last ticks, and when it was due in an interval that is past", async () => {
    const { schedules, sensors } = await ticked({ since: last + 1, until: startedAt / 1000 });
    expect(schedules).toEqual([
      // Nobody has turned it on: its code says that it is.
      { name: "each_year", scheduleState: { status: "RUNNING", ticks: [] }, futureTicks: { results: [] } },
      {
        name: "often",
        scheduleState: { status: "RUNNING", ticks: [{ timestamp: last, endTimestamp: last + 1 }] },
        futureTicks: { results: due().map((timestamp) => ({ timestamp })) },
      },
    ]);
    expect(sensors).toEqual([{ name: "watch", sensorState: { ticks: [] } }]);
  });

  test("every tick since the former one is missed as long as the new one has not begun", async () => {
    expect(await handover(asked, { from: "former", startedAt })).toBe(
      `handed over from former: first heartbeat not known any more, last tick before it ${instant(last * 1000)}, missed: often (${due().length})`,
    );
  });

  describe("and has begun", () => {
    beforeAll(async () => {
      await startServer(processes, {
        ...program,
        name: "dagster-daemon",
        args: ["-m", "dagster._daemon", "run", "-w", "workspace.yaml"],
        ready: async () => (await waiting()).length === 0,
        stopSignal: "SIGTERM",
      });
    });

    test("the one tick that it makes up for is not missed, those before it are", async () => {
      const repository = await until(
        () => ticked({ since: last, until: Date.now() / 1000 }),
        ({ schedules, sensors }) =>
          schedules.some(({ scheduleState }) => scheduleState.ticks.length > 1) &&
          sensors.some(({ sensorState }) => sensorState.ticks.length > 0),
      );
      const made = repository.schedules.flatMap(({ scheduleState }) =>
        scheduleState.ticks.map((tick) => tick.timestamp),
      );
      const missed = due().filter((moment) => !made.includes(moment));
      const told = await handover(asked, { from: "former", startedAt });
      const [, heartbeat = ""] = /first heartbeat (\S+),/.exec(told) ?? [];
      expect(Date.parse(heartbeat)).toBeGreaterThan(startedAt);
      expect(told).toBe(
        `handed over from former: first heartbeat ${heartbeat}, last tick before it ${instant(last * 1000)}, missed: often (${missed.length})`,
      );
    });

    test("the ticks of one schedule or sensor are told with how they ended, newest first; and when it is due next", async () => {
      const where = { repositoryLocationName: location, repositoryName: "__repository__" };
      const { scheduleOrError: often } = await until(
        () => asked.ask(scheduleTicks, { selector: { ...where, scheduleName: "often" } }),
        ({ scheduleOrError: one }) =>
          "scheduleState" in one && one.scheduleState.ticks.every(({ status }) => status !== "STARTED"),
      );
      const { sensorOrError: watch } = await until(
        () => asked.ask(sensorTicks, { selector: { ...where, sensorName: "watch" } }),
        ({ sensorOrError: one }) => "sensorState" in one && one.sensorState.ticks.length > 1,
      );
      if (!("scheduleState" in often) || !("sensorState" in watch)) throw new Error(JSON.stringify([often, watch]));
      for (const { ticks: told } of [often.scheduleState, watch.sensorState]) {
        const moments = told.map(({ timestamp }) => timestamp);
        expect(moments.toSorted((a, b) => b - a)).toEqual(moments);
        expect(new Set(told.map(({ status }) => status))).toContain("SKIPPED");
      }
      const [next] = often.futureTicks.results;
      expect(((next?.timestamp ?? 1) * 1000) % 300_000).toBe(0);
      expect((next?.timestamp ?? 0) * 1000).toBeGreaterThan(Date.now() - 60_000);
      const nobody = { ...where, scheduleName: "nobody" };
      expect((await asked.ask(scheduleTicks, { selector: nobody })).scheduleOrError.__typename).toBe(
        "ScheduleNotFoundError",
      );
    });

    test("a run is under way until it ends, and is waited for", async () => {
      const [run] = await until(
        active,
        ([first]) => z.object({ status: z.literal("STARTED") }).safeParse(first).success,
      );
      expect(run).toEqual({ runId: expect.any(String) as string, jobName: "load", status: "STARTED" });
      const { runId } = z.object({ runId: z.string() }).parse(run);
      const line = `waiting for run ${runId} of load (STARTED)`;
      expect(await drain(asked, context, { holders: ["daemon"], minutes: 0 })).toMatchObject({
        cause: { id: "runs-not-over" },
        seen: line,
      });
      const told = progress.length;
      const drained = drain(asked, context, { holders: ["daemon"], minutes: 2 });
      await until(
        () => Promise.resolve(progress.slice(told)),
        ([first]) => first !== undefined,
      );
      expect(progress[told]).toEqual({ kind: "line", text: `drain: ${line}` });
      await writeFile(join(folder, "gate"), "");
      expect(await drained).toMatchObject({ cause: null });
      expect(await active()).toEqual([]);
      expect(await statusOf(runId)).toBe("SUCCESS");
    });
  });
});
