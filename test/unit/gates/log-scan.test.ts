import type { EcsSend } from "../../../src/aws/ecs.ts";
import type { AwsError } from "../../../src/aws/error.ts";
import type { LogsSend } from "../../../src/aws/logs.ts";
import type { Progress } from "../../../src/domain/context.ts";
import { startUpErrors } from "../../../src/gates/log-scan/judge.ts";
import { type LogScan, logScanGate } from "../../../src/gates/log-scan.ts";
import { failed } from "../aws/failed.ts";
import { testContext } from "../context.ts";

// Texts of a daemon and a code server of 1.13.27, shortened.

const started = [
  "2026-11-21 10:00:00 +0000 - dagster.daemon - INFO - Instance is configured with the following daemons: ['SchedulerDaemon', 'SensorDaemon']",
  "2026-11-21 10:00:00 +0000 - dagster.code_server - INFO - Started Dagster code server for module main on port 4000 in process 1",
];

const another =
  "2026-11-21 10:00:31 +0000 - dagster.daemon.SensorDaemon - ERROR - Another SENSOR daemon is still sending heartbeats. You likely have multiple daemon processes running at once, which is not supported. Last heartbeat daemon id: 1, Current daemon_id: 2";

const traceback = [
  "Traceback (most recent call last):",
  '  File "/app/main.py", line 3, in <module>',
  "    import shop",
  "ModuleNotFoundError: No module named 'shop'",
];

const chain = [
  ...traceback,
  "",
  "The above exception was the direct cause of the following exception:",
  "",
  "Traceback (most recent call last):",
  '  File "/opt/dagster/loadable.py", line 9, in load',
  "    raise error",
  "dagster._core.errors.DagsterImportError: Encountered ImportError: `No module named 'shop'`",
];

const unreachable = [
  "Traceback (most recent call last):",
  '  File "/opt/dagster/client.py", line 1, in _query',
  "    raise error",
  "dagster._core.errors.DagsterUserCodeUnreachableError: Could not reach user code server. gRPC Error code: UNAVAILABLE",
];

/** As `logging` writes it: the message of gRPC's error has lines of its own, before the chain goes on. */
const rpc = [
  "Traceback (most recent call last):",
  '  File "/opt/dagster/client.py", line 1, in _query',
  "    return self._get_response(method)",
  "grpc._channel._InactiveRpcError: <_InactiveRpcError of RPC that terminated with:",
  "\tstatus = StatusCode.UNAVAILABLE",
  '\tdetails = "failed to connect to all addresses"',
  '\tdebug_error_string = "UNKNOWN: Connection refused"',
  ">",
  "",
  "The above exception was the direct cause of the following exception:",
  "",
];

const json = JSON.stringify({ level: "ERROR", message: "Failed to load", exc_info: traceback.join("\n") });

describe("the start of a process", () => {
  test.each<[string, readonly string[], readonly (readonly [string, string])[]]>([
    ["holds nothing", [], []],
    ["is quiet", started, []],
    ["says that there is another daemon", [...started, another], [["two-daemons", another]]],
    [
      "says so for each type",
      [another, another.replace("SENSOR", "SCHEDULER"), another],
      [
        ["two-daemons", another],
        ["two-daemons", another.replace("SENSOR", "SCHEDULER")],
      ],
    ],
    ["has a traceback", [...started, ...traceback, "going on"], [["traceback", traceback[3] ?? ""]]],
    ["has one in a single event", [traceback.join("\n")], [["traceback", traceback[3] ?? ""]]],
    ["has one as JSON", [json], [["traceback", traceback[3] ?? ""]]],
    ["has the same twice", [...traceback, "between", ...traceback], [["traceback", traceback[3] ?? ""]]],
    ["has a chain of them, of which the last one tells", chain, [["traceback", chain.at(-1) ?? ""]]],
    ["ends within one", traceback.slice(0, 3), [["traceback", "import shop"]]],
    [
      "has one after another",
      [...traceback, ...traceback.slice(0, 3), "KeyError: 'DATABASE_URL'"],
      [
        ["traceback", traceback[3] ?? ""],
        ["traceback", "KeyError: 'DATABASE_URL'"],
      ],
    ],
    [
      "cannot load one of several modules, without a traceback",
      ["Error loading shop.b: ImportError: cannot import name 'x' from 'shop'"],
      [["not-loaded", "Error loading shop.b: ImportError: cannot import name 'x' from 'shop'"]],
    ],
    [
      "has definitions that contradict each other",
      ["dagster._core.errors.DagsterInvariantViolationError: Duplicate definition found for job load"],
      [["not-loaded", "dagster._core.errors.DagsterInvariantViolationError: Duplicate definition found for job load"]],
    ],
    [
      "announces what goes away",
      [
        "/app/main.py:3: DeprecationWarning: Function `x` is deprecated and will raise ImportError in 2.0.",
        "/app/main.py:4: SupersessionWarning: `dagster definitions validate` is superseded",
        "/app/main.py:5: BetaWarning: Class `Component` is currently in beta",
      ],
      [],
    ],
    ["missed a code server for a moment", [...started, ...unreachable], []],
    ["missed one, with the error of gRPC before it", [...started, ...rpc, ...unreachable, "going on"], []],
    ["has another error after that of gRPC", [...rpc, ...traceback, "going on"], [["traceback", traceback[3] ?? ""]]],
    [
      "has two errors that have nothing to do with each other",
      [...unreachable, "going on", ...traceback],
      [["traceback", traceback[3] ?? ""]],
    ],
    ["is coloured", [`\u001b[31m${another}\u001b[0m`], [["two-daemons", another]]],
    ["is JSON that is none", ["{not json"], []],
  ])("%s", (_, messages, expected) => {
    expect(startUpErrors(messages).map(({ kind, headline }) => [kind, headline])).toEqual(expected);
  });

  test("is quoted by the end of its traceback", () => {
    const long = [traceback[0] ?? "", ...Array.from({ length: 40 }, (_, at) => `  frame ${at}`), "ValueError: no"];
    const [error] = startUpErrors(long);
    expect(error?.lines).toHaveLength(12);
    expect(error?.lines.at(-1)).toBe("ValueError: no");
  });
});

const scan: LogScan = {
  service: "daemon",
  serviceName: "deal-flow-daemon",
  cluster: "prod",
  place: { file: "dagster-stack.yml", line: 4, column: 3 },
  log: { group: "/dagster", prefix: "daemon", container: "dagster" },
  level: "warning",
  isDaemon: false,
};

/**
 * @param log lines of the stream, all written as the gate begins but for those of `later`; or why it cannot be read
 * @param later by the second in which they are written
 */
async function look(
  log: readonly string[] | AwsError,
  wanted: Partial<LogScan> = {},
  tasks = ["a/b/1"],
  later: Readonly<Record<number, string>> = {},
) {
  const { context, clock } = testContext();
  const progress: Progress[] = [];
  const calls: unknown[] = [];
  const begun = context.clock.now();
  const ecs = (async ({ input }: { readonly input: unknown }) => {
    calls.push(input);
    return { taskArns: tasks };
  }) as unknown as EcsSend;
  const logs = (async ({ input }: { readonly input: unknown }, { region }: { readonly region: string | null }) => {
    expect(region).toBe(wanted.log?.region ?? null);
    calls.push(input);
    if (log instanceof Error) throw log;
    const since = context.clock.now() - begun;
    const written = Object.entries(later).filter(([second]) => Number(second) * 1000 <= since);
    return {
      events: [...log, ...written.map(([, message]) => message)].map((message) => ({ message, timestamp: begun })),
    };
  }) as unknown as LogsSend;
  const reporting = { ...context, report: (event: Progress) => void progress.push(event) };
  const result = await clock.run(logScanGate({ ecs, logs }, reporting, { ...scan, ...wanted }));
  const findings = progress.flatMap((one) => (one.kind === "finding" ? [one.finding] : []));
  return { result, calls, findings, foreign: progress.filter(({ kind }) => kind === "foreign") };
}

test("a quiet log passes, read once from its start", async () => {
  const { result, calls, findings } = await look(started);
  expect(result).toMatchObject({ cause: null, seen: "no start-up error in 2 lines of its task" });
  expect(findings).toEqual([]);
  expect(calls).toEqual([
    { cluster: "prod", serviceName: "deal-flow-daemon" },
    { logGroupName: "/dagster", logStreamName: "daemon/dagster/1", startFromHead: true, limit: 1000 },
  ]);
});

test("a log in another region is read there", async () => {
  const log = { group: "/dagster", prefix: "daemon", container: "dagster", region: "us-east-1" };
  expect((await look(started, { log })).result.seen).toBe("no start-up error in 2 lines of its task");
});

/** Streams of some tasks; a page is a thousand lines, and the token of the next one is its number. null: there is no such stream. */
async function lookAtStreams(streams: Readonly<Record<string, readonly string[] | null>>) {
  const { context, clock } = testContext();
  const said: Progress[] = [];
  let pages = 0;
  const ecs = (async () => ({ taskArns: Object.keys(streams).map((id) => `a/b/${id}`) })) as unknown as EcsSend;
  const logs = (async ({
    input,
  }: {
    readonly input: { readonly logStreamName: string; readonly nextToken?: string };
  }) => {
    pages += 1;
    const lines = streams[input.logStreamName.split("/").at(-1) ?? ""] ?? null;
    if (lines === null) throw failed("not-found", "ResourceNotFoundException", "no stream");
    const page = Number(input.nextToken ?? 0);
    const events = lines.slice(page * 1000, (page + 1) * 1000).map((message) => ({ message, timestamp: 1 }));
    return { events, nextForwardToken: String(page + 1) };
  }) as unknown as LogsSend;
  const reporting = { ...context, report: (event: Progress) => void said.push(event) };
  const result = await clock.run(logScanGate({ ecs, logs }, reporting, { ...scan, level: "error" }));
  return { result, pages, findings: said.flatMap((one) => (one.kind === "finding" ? [one.finding.what] : [])) };
}

const lines = (count: number): readonly string[] => Array.from({ length: count }, () => "line");

test("a long log is read page by page, and an error on a later page is found", async () => {
  const { result, pages } = await lookAtStreams({ 1: [...lines(2500), ...traceback] });
  expect([result.cause?.id, pages]).toEqual(["start-up-errors", 3]);
});

test("the log of each task is read", async () => {
  const { result } = await lookAtStreams({ 1: started, 2: traceback });
  expect(result.cause?.id).toBe("start-up-errors");
  expect((await lookAtStreams({ 1: started, 2: started })).result.seen).toBe(
    "no start-up error in 4 lines of its 2 tasks",
  );
});

test("the same error in several tasks is one", async () => {
  expect((await lookAtStreams({ 1: traceback, 2: traceback })).result.evidence).toHaveLength(1);
});

test("what was not read of a long log, or of other tasks, is said", async () => {
  const { result, pages } = await lookAtStreams({ 1: lines(9000) });
  expect([result.seen, pages]).toEqual(["no start-up error in 5000 lines, the first ones, of its task", 5]);
  const tasks = Object.fromEntries(Array.from({ length: 7 }, (_, at) => [String(at), started]));
  expect((await lookAtStreams(tasks)).result.seen).toBe("no start-up error in 10 lines of 5 of its 7 tasks");
});

test("of one task that cannot be read it is said, and others are read", async () => {
  const { result, findings } = await lookAtStreams({ 1: started, 2: null });
  expect(result.seen).toBe("no start-up error in 2 lines of 1 of its 2 tasks");
  expect(findings).toEqual([expect.stringContaining("the log of daemon cannot be read")]);
});

test.each(["warning", "notice"] as const)(
  "at the level %s errors are said and quoted, and it passes",
  async (level) => {
    const { result, findings, foreign } = await look(traceback, { level });
    expect(result).toMatchObject({ cause: null, seen: "1 start-up error in 4 lines of its task" });
    expect(findings).toEqual([
      expect.objectContaining({
        id: "start-up-errors",
        level,
        what: "The log of daemon holds an error from its start.",
      }),
    ]);
    expect(foreign).toEqual([{ kind: "foreign", from: "log of daemon", text: { untrusted: traceback.join("\n") } }]);
  },
);

test("at the level error they fail the gate", async () => {
  const { result, findings } = await look([...traceback, another], { level: "error" });
  expect(result.cause).toMatchObject({ id: "two-daemons", what: expect.stringContaining("another daemon") as string });
  expect(result.evidence.map(({ text }) => text.untrusted)).toEqual([traceback.join("\n"), another]);
  expect(findings).toEqual([]);
  expect((await look(traceback, { level: "error" })).result.cause?.id).toBe("start-up-errors");
});

describe("a daemon", () => {
  const young = { isDaemon: true, level: "warning" } as const;

  test.each([[30], [39]])("that hears of another one in second %d fails the gate, at each level", async (second) => {
    const { result } = await look(started, young, ["a/b/1"], { [second]: another });
    expect(result.cause?.id).toBe("two-daemons");
    expect(result.evidence.map(({ text }) => text.untrusted)).toEqual([another]);
    expect(result.seconds).toBe(40);
  });

  test("that is quiet is looked at twice, 40 s after its first line", async () => {
    const { result, calls } = await look(started, young);
    expect(result).toMatchObject({ cause: null, seconds: 40 });
    expect(calls).toHaveLength(4);
  });

  test("that has heard of another one already is not waited for", async () => {
    const { result, calls } = await look([...started, another], young);
    expect(result).toMatchObject({ cause: { id: "two-daemons" }, seconds: 0 });
    expect(calls).toHaveLength(2);
  });
});

describe("a log that cannot be read is said, and is no error", () => {
  test.each<[string, Parameters<typeof look>, string]>([
    ["denied", [failed("denied", "AccessDeniedException", "no")], "cannot be read"],
    ["no stream", [failed("not-found", "ResourceNotFoundException", "no stream")], "cannot be read"],
    ["weather", [failed("throttled", "ThrottlingException", "slow down")], "cannot be read"],
    ["no log group", [started, { log: null }], "has no log group"],
    ["no task", [started, {}, []], "ECS names no task"],
  ])("%s", async (_, [log, wanted, tasks], words) => {
    for (const level of ["error", "warning"] as const) {
      const { result, findings } = await look(log, { ...wanted, level }, tasks);
      expect(result.cause).toBeNull();
      expect(result.seen).toContain("not looked at");
      expect(findings).toEqual([
        expect.objectContaining({ level: "notice", what: expect.stringContaining(words) as string }),
      ]);
    }
  });
});
