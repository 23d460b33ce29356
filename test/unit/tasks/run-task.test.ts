import { ecs } from "../../../src/aws/ecs.ts";
import { AwsError } from "../../../src/aws/error.ts";
import type { FailureKind } from "../../../src/aws/failure.ts";
import { logs } from "../../../src/aws/logs.ts";
import type { Context } from "../../../src/domain/context.ts";
import { Cancelled, UserError } from "../../../src/domain/errors.ts";
import { type MigrationRequest, migrate } from "../../../src/migrations/migrate.ts";
import { type TaskClients, type TaskRequest, type TaskResult, runTask } from "../../../src/tasks/run-task.ts";
import type { Fault } from "../../local-aws/faults.ts";
import { inProcessHandler } from "../../local-aws/local-aws.ts";
import type { LogLine, TaskBehaviour } from "../../local-aws/runtimes/scripted.ts";
import { type TestContext, testContext } from "../context.ts";
import { openStage, type Stage } from "../local-aws/stage.ts";
import { answerLogEvents, scriptedLogs } from "../scripted-logs.ts";

interface Scene extends Stage, Omit<TestContext, "clock"> {
  readonly clients: TaskClients;
  readonly request: TaskRequest;
}

/** A cluster, one definition with a container that does this, and the product's clients. */
async function open(behaviour: TaskBehaviour, pageSize?: number): Promise<Scene> {
  const stage = await openStage();
  stage.runtime.script("app", behaviour);
  const taskDefinition = await stage.register();
  const tested = testContext(stage.clock);
  return {
    ...stage,
    ...tested,
    clients: clientsOf(stage, tested.context, pageSize),
    request: {
      title: "migration application",
      cluster: "main",
      taskDefinition,
      container: "app",
      command: ["alembic", "upgrade", "head"],
      environment: {},
      network: { subnets: ["subnet-1"], securityGroups: ["sg-1"], publicAddress: false },
      clientToken: "token",
      startedBy: "test",
      tags: {},
      timeoutSeconds: 600,
      aloneIn: null,
      log: { group: "/app", prefix: "run" },
      marked: null,
    },
  };
}

function clientsOf({ aws, runtime }: Stage, context: Context, pageSize?: number): TaskClients {
  const settings = { region: aws.region, credentials: { accessKeyId: "product", secretAccessKey: "x" } };
  return {
    ecs: ecs(context, { ...settings, requestHandler: inProcessHandler(aws) }),
    logs: logs(context, { ...settings, requestHandler: scriptedLogs(runtime, pageSize) }),
  };
}

const lines = (count: number): readonly LogLine[] =>
  Array.from({ length: count }, (_, index) => ({ afterSeconds: index / count, text: `line ${index}` }));
const exits = (code: number, afterSeconds = 1, log: readonly LogLine[] = []): TaskBehaviour => ({
  kind: "exits",
  code,
  afterSeconds,
  log,
});
const foreign = ({ progress }: Scene): readonly string[] =>
  progress.flatMap((one) => (one.kind === "foreign" ? one.text.untrusted.split("\n") : []));
const run = (scene: Scene, change: Partial<TaskRequest> = {}): Promise<TaskResult> =>
  scene.clock.run(runTask(scene.clients, scene.context, { ...scene.request, ...change }));
const tasksStarted = ({ aws }: Scene): number =>
  aws.calls.filter(({ operation, outcome }) => operation === "RunTask" && outcome === "ok").length;

const timedOut = new DOMException("The operation was aborted due to timeout", "TimeoutError");

describe("a one-off task", () => {
  test.each([0, 1, 3, 137])("that exits %i gives its exit code", async (code) => {
    const result = await run(await open(exits(code)));
    expect(result.end).toMatchObject({ kind: "exited", exitCode: code });
  });

  test("that lives one second loses none of its lines, and repeats none", async () => {
    const scene = await open(exits(0, 1, lines(250)), 100);
    const result = await run(scene);
    expect(foreign(scene)).toEqual(lines(250).map(({ text }) => text));
    expect(result.lastLines).toEqual(
      lines(250)
        .slice(-50)
        .map(({ text }) => text),
    );
  });

  test("that lives long tells its lines while it runs", async () => {
    const scene = await open(exits(0, 120, [{ text: "first" }, { afterSeconds: 100, text: "last" }]));
    const done = runTask(scene.clients, scene.context, scene.request);
    await scene.clock.pass(60_000);
    expect(foreign(scene)).toEqual(["first"]);
    await scene.clock.run(done);
    expect(foreign(scene)).toEqual(["first", "last"]);
  });

  test("that never starts has no exit code, and ECS's reason", async () => {
    const scene = await open({ kind: "never-starts", reason: "CannotPullContainerError: not found" });
    expect((await run(scene)).end).toMatchObject({
      kind: "never-started",
      stopCode: "TaskFailedToStart",
      reason: expect.stringContaining("CannotPullContainerError: not found") as unknown,
    });
  });

  test("is started once, although the answer to its start was lost", async () => {
    const scene = await open(exits(0));
    scene.aws.faults.inject({ on: "ecs:RunTask", what: { kind: "reset" }, when: "after", times: 1 });
    expect((await run(scene)).end).toMatchObject({ exitCode: 0 });
    expect(tasksStarted(scene)).toBe(1);
  });

  test("is the same task when the same request comes again, and another one for another token", async () => {
    const scene = await open(exits(0, 30));
    const [first, second] = await scene.clock.run(
      Promise.all([
        runTask(scene.clients, scene.context, scene.request),
        runTask(scene.clients, scene.context, scene.request),
      ]),
    );
    expect(second.taskArn).toBe(first.taskArn);
    expect((await run(scene, { clientToken: "token-2" })).taskArn).not.toBe(first.taskArn);
  });

  test.each<[string, Fault]>([
    ["throttling", { on: "ecs:DescribeTasks", what: { kind: "throttle" }, times: 20 }],
    ["errors of the server", { on: "ecs:DescribeTasks", what: { kind: "server-error" }, times: 20 }],
    ["a proxy's pages", { on: "ecs:DescribeTasks", what: { kind: "html" }, times: 20 }],
    ["broken connections", { on: "ecs:DescribeTasks", what: { kind: "reset" }, times: 20 }],
  ])("is followed through %s", async (_, fault) => {
    const scene = await open(exits(3, 60));
    scene.aws.faults.inject(fault);
    expect((await run(scene)).end).toMatchObject({ exitCode: 3 });
  });

  test("is followed on when a question of ours takes too long; no line is lost", async () => {
    const scene = await open(exits(3, 60, lines(250)), 100);
    let asked = 0;
    const slow: <Send extends (...args: never[]) => Promise<unknown>>(send: Send) => Send = (send) =>
      ((...args: never[]) => {
        asked += 1;
        return asked % 3 === 0 ? Promise.reject(AbortSignal.abort(timedOut).reason as Error) : send(...args);
      }) as typeof send;
    const { ecs: ask, logs: read } = scene.clients;
    const clients: TaskClients = {
      ecs: ((command, options) => (options?.signal === undefined ? ask : slow(ask))(command, options)) as typeof ask,
      logs: slow(read),
    };
    const result = await scene.clock.run(runTask(clients, scene.context, scene.request));
    expect(result.end).toMatchObject({ exitCode: 3 });
    expect(foreign(scene)).toEqual(lines(250).map(({ text }) => text));
  });

  test.each(["", "{}"])(
    "whose log is answered with nothing now and then repeats no line, and loses none: %j",
    async (body) => {
      const scene = await open(exits(0, 60, lines(250)), 100);
      const settings = { region: scene.aws.region, credentials: { accessKeyId: "product", secretAccessKey: "x" } };
      let asked = 0;
      const handle = ({ body: question }: { readonly body: Uint8Array }) => {
        asked += 1;
        const { statusCode, answer } = answerLogEvents(scene.runtime, question, 100);
        const said = new TextEncoder().encode(asked % 3 === 0 ? body : answer);
        return Promise.resolve({ response: { statusCode, headers: {}, body: said } });
      };
      const requestHandler = { ...scriptedLogs(scene.runtime), handle };
      const clients = { ...scene.clients, logs: logs(scene.context, { ...settings, requestHandler }) };
      await scene.clock.run(runTask(clients, scene.context, scene.request));
      expect(foreign(scene)).toEqual(lines(250).map(({ text }) => text));
    },
  );

  test("that writes to another region is read there", async () => {
    const scene = await open(exits(0, 60, lines(3)));
    const { logs: read } = scene.clients;
    const regions: unknown[] = [];
    const seen = ((command, options) => {
      regions.push(options?.region);
      return read(command, { ...options, region: null });
    }) as typeof read;
    const log = { group: "/app", prefix: "run", region: "us-east-1" };
    await scene.clock.run(runTask({ ...scene.clients, logs: seen }, scene.context, { ...scene.request, log }));
    expect(new Set(regions)).toEqual(new Set(["us-east-1"]));
    expect(foreign(scene)).toEqual(lines(3).map(({ text }) => text));
  });

  test("for which ECS has no capacity is an error that says so", async () => {
    const scene = await open(exits(0));
    scene.aws.faults.inject({
      on: "ecs:RunTask",
      what: { kind: "no-capacity", reason: "Capacity is unavailable at this time." },
    });
    await expect(run(scene)).rejects.toThrow(UserError);
    await expect(run(scene)).rejects.toThrow("Capacity is unavailable");
  });

  test("waits for capacity, with a token of its own for each try, since none of them made a task", async () => {
    const scene = await open(exits(0));
    scene.aws.faults.inject({
      on: "ecs:RunTask",
      what: { kind: "no-capacity", reason: "Capacity is unavailable at this time." },
      times: 3,
    });
    expect((await run(scene)).end).toMatchObject({ exitCode: 0 });
    const tokens = scene.aws.calls.flatMap(({ operation, input }) =>
      operation === "RunTask" ? [(input as { readonly clientToken: string }).clientToken] : [],
    );
    expect(tokens).toEqual(["token", "2.token", "3.token", "4.token"]);
  });

  test("for which ECS has another reason is not tried again", async () => {
    const scene = await open(exits(0));
    scene.aws.faults.inject({ on: "ecs:RunTask", what: { kind: "no-capacity", reason: "AGENT" } });
    await expect(run(scene)).rejects.toThrow("ECS does not start the task of migration application: AGENT.");
    expect(scene.aws.calls.filter(({ operation }) => operation === "RunTask")).toHaveLength(1);
  });

  test("whose overrides are longer than ECS takes is not asked for", async () => {
    const scene = await open(exits(0));
    await expect(run(scene, { command: ["x".repeat(8_200)] })).rejects.toThrow(
      /take 82\d\d characters; ECS takes 8192 for one task/,
    );
    expect(tasksStarted(scene)).toBe(0);
  });

  test("keeps its marked lines for the caller, wherever in a line the mark stands", async () => {
    const scene = await open(exits(0, 1, [{ text: "a" }, { text: 'MARK{"b":1}' }, { text: "cMARK[]" }, { text: "d" }]));
    const marked = { mark: "MARK", isWhole: () => true };
    const result = await run(scene, { marked });
    expect(result.marked).toEqual(['{"b":1}', "[]"]);
    expect(result.lastLines).toEqual(["a", "c", "d"]);
    expect(foreign(scene)).toEqual(["a", "c", "d"]);
  });

  test("whose last marked line comes late is waited for, and given up after a while", async () => {
    const scene = await open(exits(0, 1, [{ text: "a" }]));
    const begun = scene.clock.product.now();
    const result = await run(scene, { marked: { mark: "MARK", isWhole: ({ length }) => length > 0 } });
    expect(result.marked).toEqual([]);
    expect(result.end).toMatchObject({ exitCode: 0 });
    expect(scene.clock.product.now() - begun).toBeGreaterThan(5000);
  });

  test("shows no password of a URL, and quotes no line at any length", async () => {
    const scene = await open(
      exits(1, 1, [{ text: "no postgresql://app:hunter22@db/deals there" }, { text: "y".repeat(100_000) }]),
    );
    const { lastLines } = await run(scene);
    expect(lastLines).toEqual(["no (hidden)db/deals there", "y".repeat(2000)]);
    expect(foreign(scene).join()).not.toContain("hunter22");
  });

  test("that takes too long is stopped, waited for, and said", async () => {
    const scene = await open({ kind: "healthy" });
    await expect(run(scene, { timeoutSeconds: 60 })).rejects.toThrow(
      "was not done after 60 s; its task was stopped, and is gone",
    );
    const { taskArns = [] } = await scene.ecs.listTasks({ cluster: "main", desiredStatus: "RUNNING" });
    expect(taskArns).toEqual([]);
  });

  test.each([
    ["at once", 0, /told to stop, and is stopping/],
    ["within the stop timeout", 8, /told to stop, and is stopping/],
  ])(
    "that is cancelled is told to stop, and left %s: the runner waits for ten seconds only",
    async (_, stopsAfterSeconds, said) => {
      const scene = await open({ kind: "healthy", stopsAfterSeconds });
      let cancelled = 0;
      scene.clock.bed.after(30_000, () => {
        cancelled = scene.clock.product.now();
        scene.abort(new Cancelled());
      });
      await expect(run(scene)).rejects.toThrow(said);
      expect(scene.clock.product.now() - cancelled).toBeLessThan(7_000);
      const { taskArns = [] } = await scene.ecs.listTasks({ cluster: "main", desiredStatus: "RUNNING" });
      expect(taskArns).toEqual([]);
    },
  );

  test("waits for a task of the same family that an attempt left behind when it was cut", async () => {
    const scene = await open({ kind: "exits", code: 0, afterSeconds: 60 });
    const begin = (clientToken: string): Promise<TaskResult> =>
      runTask(scene.clients, scene.context, { ...scene.request, aloneIn: "app", clientToken });
    const later = scene.clock.product.sleep(5_000).then(() => begin("second"));
    const [first, second] = await scene.clock.run(Promise.all([begin("first"), later]));
    const { tasks = [] } = await scene.ecs.describeTasks({ cluster: "main", tasks: [first.taskArn, second.taskArn] });
    const [a, b] = [first, second].map(({ taskArn }) => tasks.find((task) => task.taskArn === taskArn));
    expect(b?.createdAt?.getTime()).toBeGreaterThanOrEqual(a?.stoppingAt?.getTime() ?? Infinity);
  });
});

describe("a task that was told to stop", () => {
  const again = (scene: Scene, timeoutSeconds: number): Promise<TaskResult> => {
    const { context } = testContext(scene.clock);
    const request = { ...scene.request, aloneIn: "app", clientToken: "second", timeoutSeconds };
    return scene.clock.run(runTask(clientsOf(scene, context), context, request));
  };
  const cancelled = async (stopsAfterSeconds: number): Promise<Scene> => {
    const scene = await open({ kind: "healthy", stopsAfterSeconds });
    scene.clock.bed.after(30_000, () => scene.abort(new Cancelled()));
    await expect(run(scene)).rejects.toThrow("was told to stop, and is stopping");
    return scene;
  };

  test("runs on for a while, and the next one of its family is not begun beside it", async () => {
    const scene = await cancelled(100);
    await expect(again(scene, 20)).rejects.toThrow(/was not begun: \w+, of an earlier attempt, still runs after 20 s/);
    expect(tasksStarted(scene)).toBe(1);
  });

  test("is waited for until its containers are gone", async () => {
    const scene = await cancelled(100);
    scene.runtime.script("app", exits(0));
    const { taskArn } = await again(scene, 600);
    const cluster = "main";
    const { taskArns = [] } = await scene.ecs.listTasks({ cluster, desiredStatus: "STOPPED" });
    const { tasks = [] } = await scene.ecs.describeTasks({ cluster, tasks: taskArns });
    const time = (one: Date | undefined): number => one?.getTime() ?? Number.NaN;
    const [first, second] = [
      tasks.find((task) => task.taskArn !== taskArn),
      tasks.find((task) => task.taskArn === taskArn),
    ];
    expect(time(second?.createdAt)).toBeGreaterThanOrEqual(time(first?.executionStoppedAt));
    expect(time(first?.executionStoppedAt)).toBeGreaterThan(time(first?.stoppingAt));
  });
});

describe("what a job may not read", () => {
  const refusedCall = (failure: FailureKind): AwsError => {
    const service = { name: "CloudWatch Logs", prefix: "logs" };
    const said = { code: "AccessDeniedException", message: "no", requestId: null, refused: true };
    const call = {
      service,
      operation: "GetLogEvents",
      resource: null,
      attempts: 1,
      failure: { kind: failure, ...said },
    };
    return new AwsError(call, null);
  };
  const lineCount = ({ progress }: Scene, words: string): number =>
    progress.filter((one) => one.kind === "line" && one.text.includes(words)).length;

  test.each<FailureKind>(["denied", "invalid", "expired"])(
    "of a log (%s) is said once, and the task is judged by its exit code",
    async (failure) => {
      const scene = await open(exits(3, 60));
      const clients = { ...scene.clients, logs: () => Promise.reject(refusedCall(failure)) };
      const result = await scene.clock.run(runTask(clients, scene.context, scene.request));
      expect(result).toMatchObject({ end: { exitCode: 3 }, lastLines: [] });
      expect(lineCount(scene, "the log of app cannot be read")).toBe(1);
    },
  );

  test("of a task leaves it behind, and the error names it", async () => {
    const scene = await open(exits(0, 60));
    scene.aws.faults.inject({ on: "ecs:DescribeTasks", what: { kind: "access-denied" } });
    await expect(run(scene)).rejects.toThrow(/DescribeTasks.* Task \w+ of migration application may still run/);
    const { taskArns = [] } = await scene.ecs.listTasks({ cluster: "main" });
    expect(taskArns).toHaveLength(1);
  });
});

describe("a migration", () => {
  const migration = ({ request }: Scene): MigrationRequest => {
    const { title: _, command: __, marked: ___, ...task } = request;
    return { name: "application", tool: { kind: "command", command: ["migrate"] }, workdir: null, secrets: [], task };
  };
  const result = async (behaviour: TaskBehaviour): Promise<Awaited<ReturnType<typeof migrate>>> => {
    const scene = await open(behaviour);
    return scene.clock.run(migrate(scene.clients, scene.context, migration(scene)));
  };

  test("whose container exits 0 is done", async () => expect((await result(exits(0))).cause).toBeNull());

  test("that fails quotes its last lines", async () => {
    const { cause, evidence } = await result(exits(1, 1, [{ text: "Traceback" }, { text: "UndefinedTable: deals" }]));
    expect(cause?.id).toBe("migration-failed");
    expect(evidence.map(({ text }) => text.untrusted)).toEqual(["Traceback\nUndefinedTable: deals"]);
  });

  test("that never starts changed nothing, and says so", async () => {
    const { cause, evidence } = await result({
      kind: "never-starts",
      reason: "ResourceInitializationError: no secret",
    });
    expect(cause).toMatchObject({
      id: "migration-never-started",
      what: expect.stringContaining("nothing was changed") as unknown,
    });
    expect(evidence[0]?.text.untrusted).toContain("no secret");
  });
});
