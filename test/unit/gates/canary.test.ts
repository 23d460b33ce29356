import type { EcsSend } from "../../../src/aws/ecs.ts";
import type { LogsSend } from "../../../src/aws/logs.ts";
import type { S3Send } from "../../../src/aws/s3.ts";
import { type Dagster, DagsterUnreachable, type Document } from "../../../src/dagster/client.ts";
import { type CanaryExpectation, canaryGate } from "../../../src/gates/canary.ts";
import { failed } from "../aws/failed.ts";
import type { GateResult } from "../../../src/gates/gate.ts";
import { testContext } from "../context.ts";

const image = "repo@sha256:new";
const task = "arn:aws:ecs:eu-central-1:123456789012:task/prod/1";

interface RunPlayed {
  readonly id: string;
  /** Statuses that it is in, one for each question; the last one for ever. */
  readonly statuses: readonly string[];
  readonly tags?: readonly { readonly key: string; readonly value: string }[];
  readonly job?: string;
}

interface Play {
  /** What the location answers, the last one for ever. */
  readonly location?: readonly ("loaded" | "broken" | "absent" | "down")[];
  readonly jobs?: readonly string[];
  readonly runs?: readonly RunPlayed[];
  /** What a launch answers, by number; a run: it is launched. `lost`: it is, and nobody is told. `dropped`: it is not, neither. */
  readonly launches?: readonly (RunPlayed | "lost" | "dropped" | Readonly<Record<string, unknown>>)[];
  /** Seconds until a lost run appears. */
  readonly appearsAfter?: number;
  readonly events?: readonly Readonly<Record<string, unknown>>[];
  /** What ECS answers about the task, the last one for ever; null: nothing. */
  readonly images?: readonly (string | null)[];
  /** What the task is beside that. */
  readonly task?: Readonly<Record<string, unknown>>;
  /** What is expected beside a job that succeeds. */
  readonly wanted?: Partial<CanaryExpectation>;
  /** Assets of `__ASSET_JOB`: their keys, with partitions or without. */
  readonly assets?: Readonly<Record<string, { readonly partitioned: boolean; readonly isMaterializable?: boolean }>>;
  /** Partitions of whatever is asked about, oldest first. */
  readonly partitions?: readonly string[];
  /** Their code raises. */
  readonly partitionFails?: boolean;
  /** The run is no task of its own. */
  readonly inProcess?: boolean;
  /** What the log options of the run's container are; null: it has another driver. */
  readonly logOptions?: Readonly<Record<string, string>> | null;
  /** Lines of the run's log stream, one answer after another; null: there is no stream. */
  readonly lines?: readonly (readonly string[] | null)[];
  /** Whether this job may read lines; it may when left out. */
  readonly mayRead?: boolean;
  /** Where Dagster says that compute logs are, one answer after another, and which objects the bucket has. */
  readonly computeLogs?: readonly (string | null)[];
  readonly objects?: readonly string[];
}

interface Played extends GateResult {
  readonly launched: number;
  readonly tasksAsked: number;
  /** What the last launch said. */
  readonly params: unknown;
}

const logOptions = { "awslogs-group": "/dagster", "awslogs-stream-prefix": "run" };
const ofTask = [{ key: "ecs/task_arn", value: task }];
const succeeding: RunPlayed = { id: "run-new", statuses: ["QUEUED", "STARTED", "SUCCESS"] };
const nth = <T>(list: readonly T[], index: number): T | undefined => list[Math.min(index, list.length - 1)];

/** A webserver with its runs, and an ECS with one task. */
async function play(play: Play = {}): Promise<Played> {
  const { context, clock } = testContext();
  const runs = [...(play.runs ?? [])];
  const asked = new Map<string, number>();
  const count = (what: string): number => {
    const before = asked.get(what) ?? 0;
    asked.set(what, before + 1);
    return before;
  };
  const view = (run: RunPlayed, status: string | undefined) => ({
    __typename: "Run",
    runId: run.id,
    status,
    tags: [...(run.tags ?? []), ...(play.inProcess === true ? [] : ofTask)],
  });
  let params: unknown;
  const launch = (said: { readonly executionMetadata: { readonly tags: RunPlayed["tags"] } }): unknown => {
    params = said;
    const answer = nth(play.launches ?? [succeeding], count("launch")) ?? succeeding;
    const tags = said.executionMetadata.tags ?? [];
    if (answer === "dropped") throw new DagsterUnreachable("connection reset");
    if (answer === "lost") {
      const appear = (): void => void runs.unshift({ ...succeeding, tags });
      if (play.appearsAfter === undefined) appear();
      else clock.bed.after(play.appearsAfter * 1000, appear);
      throw new DagsterUnreachable("connection reset");
    }
    if (!("statuses" in answer)) return answer;
    const run = answer as RunPlayed;
    runs.unshift({ ...run, tags });
    return { __typename: "LaunchRunSuccess", run: { runId: run.id } };
  };
  const answerTo = (name: string, variables: Readonly<Record<string, unknown>>): unknown => {
    switch (name) {
      case "Locations": {
        const state = nth(play.location ?? ["loaded"], count("locations"));
        if (state === "down") throw new DagsterUnreachable("connection refused");
        const jobs = (play.jobs ?? ["canary"]).map((job) => ({ name: job }));
        const loaded = {
          __typename: "RepositoryLocation",
          serverId: "a",
          repositories: [
            {
              name: "__repository__",
              jobs: [...jobs, ...(play.assets === undefined ? [] : [{ name: "__ASSET_JOB" }])],
            },
          ],
        };
        const broken = { __typename: "PythonError", message: "no", stack: [] };
        const entry = { name: "DealFlow", loadStatus: "LOADED", displayMetadata: [] };
        const locationEntries =
          state === "absent" ? [] : [{ ...entry, locationOrLoadError: state === "broken" ? broken : loaded }];
        return { workspaceOrError: { __typename: "Workspace", locationEntries } };
      }
      case "NewestRun": {
        const { filter } = variables as { filter: { pipelineName: string; tags: NonNullable<RunPlayed["tags"]> } };
        const found = runs.find(
          ({ job = play.assets === undefined ? "canary" : "__ASSET_JOB", tags = [] }) =>
            job === filter.pipelineName &&
            filter.tags.every(({ key, value }) => tags.some((tag) => tag.key === key && tag.value === value)),
        );
        return {
          runsOrError: { __typename: "Runs", results: found === undefined ? [] : [view(found, found.statuses[0])] },
        };
      }
      case "LaunchRun":
        return { launchRun: launch(variables["params"] as Parameters<typeof launch>[0]) };
      case "RunById": {
        const run = runs.find(({ id }) => id === variables["runId"]);
        if (run === undefined) return { runOrError: { __typename: "RunNotFoundError", message: "no" } };
        return { runOrError: view(run, nth(run.statuses, count(run.id))) };
      }
      case "RunEvents":
        return { logsForRun: { __typename: "EventConnection", events: play.events ?? [] } };
      case "AssetOfJob": {
        const { asset } = variables as { readonly asset: { readonly path: readonly string[] } };
        const known = play.assets?.[asset.path.join("/")];
        const { partitioned = false, isMaterializable = true } = known ?? {};
        const partitionDefinition = partitioned ? { description: "daily" } : null;
        return { assetNodes: known === undefined ? [] : [{ isMaterializable, partitionDefinition }] };
      }
      case "PartitionKeys": {
        const { limit } = variables as { readonly limit: number | null };
        const partitionKeys = (play.partitions ?? []).slice(-(limit ?? 1000));
        return { pipelineOrError: { __typename: "Pipeline", partitionKeysOrError: { partitionKeys } } };
      }
      case "PartitionRun": {
        const { partition } = variables as { readonly partition: string };
        const isKnown = play.partitionFails !== true;
        const error = { __typename: "PythonError", message: "no config\n" };
        return {
          pipelineOrError: {
            __typename: "Pipeline",
            partition: {
              runConfigOrError: isKnown ? { __typename: "PartitionRunConfig", yaml: `day: ${partition}\n` } : error,
              tagsOrError: {
                __typename: "PartitionTags",
                results: [{ key: "dagster/partition", value: partition }],
              },
            },
          },
        };
      }
      case "CapturedFiles":
        return {
          logsForRun: {
            __typename: "EventConnection",
            events: [{ __typename: "RunStartEvent" }, { __typename: "LogsCapturedEvent", fileKey: "abcd" }],
          },
        };
      case "CapturedLogs": {
        expect(variables["logKey"]).toEqual([expect.any(String), "compute_logs", "abcd"]);
        const stderrLocation = nth(play.computeLogs ?? [null], count("compute logs")) ?? null;
        return { capturedLogsMetadata: { stdoutLocation: null, stderrLocation } };
      }
      default:
        throw new Error(`${name} is not asked here`);
    }
  };
  const dagster: Dagster = {
    ask: async <T>(document: Document<T>, variables = {}) => document.answer.parse(answerTo(document.name, variables)),
    serverInfo: () => Promise.reject(new Error("not asked here")),
  };
  const ecs = (async (command: object) => {
    if (command.constructor.name === "ListTasksCommand") return { taskArns: [task] };
    if (command.constructor.name === "DescribeTaskDefinitionCommand") {
      const logConfiguration =
        play.logOptions === null
          ? { logDriver: "awsfirelens" }
          : { logDriver: "awslogs", options: play.logOptions ?? logOptions };
      return { taskDefinition: { containerDefinitions: [{ name: "run", logConfiguration }] } };
    }
    const answer = nth(play.images ?? [image], count("tasks"));
    if (answer === null) return { tasks: [], failures: [{ arn: task, reason: "MISSING" }] };
    const containers = [{ name: "run", image: answer }];
    return { tasks: answer === undefined ? [] : [{ taskArn: task, containers, ...play.task }] };
  }) as unknown as EcsSend;
  const logs = (async (command: { readonly input: unknown }, options: { readonly region?: string | null }) => {
    expect(options.region).toBe(play.logOptions?.["awslogs-region"] ?? null);
    expect(command.input).toMatchObject({ logGroupName: "/dagster", logStreamName: "run/run/1" });
    const answer = nth(play.lines ?? [["a line"]], count("lines"));
    if (play.mayRead === false) throw failed("denied", "AccessDeniedException", "is not authorized");
    if (answer === null)
      throw failed("not-found", "ResourceNotFoundException", "The specified log stream does not exist.");
    return { events: answer?.map((message) => ({ message })) };
  }) as unknown as LogsSend;
  const s3 = (async ({ input }: { readonly input: { readonly Bucket: string; readonly Prefix: string } }) => ({
    Contents: (play.objects ?? [])
      .filter((key) => `${input.Bucket}/${key}`.startsWith(`${input.Bucket}/${input.Prefix}`))
      .map((Key) => ({ Key })),
  })) as unknown as S3Send;
  const result = await clock.run(
    canaryGate(dagster, { ecs, logs, s3 }, context, {
      location: "DealFlow",
      target: { kind: "job", name: "canary" },
      partition: { kind: "none" },
      config: null,
      logs: false,
      computeLogs: null,
      cluster: "prod",
      image,
      holders: [],
      tags: { "dagster-ecs/release": "r1" },
      timeoutSeconds: 600,
      ...play.wanted,
    }),
  );
  return { ...result, params, launched: asked.get("launch") ?? 0, tasksAsked: asked.get("tasks") ?? 0 };
}

const ours = [
  { key: "dagster-ecs/release", value: "r1" },
  { key: "dagster-ecs/canary", value: "DealFlow" },
];

test("a run that succeeds on the image passes", async () => {
  const result = await play();
  expect(result).toMatchObject({ cause: null, launched: 1, seen: "run run-new of job canary: SUCCESS" });
});

describe("what time does not mend is final at once", () => {
  test.each<[string, Play, string, string, number]>([
    [
      "run config is missing",
      {
        launches: [
          { __typename: "RunConfigValidationInvalid", errors: [{ message: "Missing required config entry" }] },
        ],
      },
      "canary-refused",
      "Missing required config entry",
      1,
    ],
    [
      "a subset is wrong",
      { launches: [{ __typename: "InvalidSubsetError", message: "no op x" }] },
      "canary-refused",
      "no op x",
      1,
    ],
    [
      "nobody may launch",
      { launches: [{ __typename: "UnauthorizedError", message: "read only" }] },
      "canary-refused",
      "read only",
      1,
    ],
    [
      "an answer has no words",
      { launches: [{ __typename: "InvalidStepError" }] },
      "canary-refused",
      "InvalidStepError",
      1,
    ],
    [
      "the launcher fails",
      { launches: [{ __typename: "PythonError", message: "no table runs", className: "OperationalError" }] },
      "canary-refused",
      "no table runs",
      1,
    ],
    ["the loaded location has no such job", { jobs: ["other"] }, "canary-missing-job", "no job canary", 0],
  ])("%s", async (_, played, id, words, launched) => {
    const result = await play(played);
    expect(result.cause?.id).toBe(id);
    expect(result.cause?.what).toContain(words);
    expect(result.launched).toBe(launched);
    expect(result.seconds).toBeLessThan(2);
  });
});

describe("what time mends is waited for", () => {
  test.each<[string, Play]>([
    ["a webserver that is down", { location: ["down", "down", "loaded"] }],
    ["a location that is not there yet", { location: ["absent", "loaded"] }],
    ["a location that does not load yet", { location: ["broken", "broken", "loaded"] }],
    [
      "a code server that went away",
      {
        launches: [
          { __typename: "PythonError", message: "no", className: "DagsterUserCodeUnreachableError" },
          succeeding,
        ],
      },
    ],
    ["a task of which ECS does not tell yet", { images: [null, null, image] }],
  ])("%s", async (_, played) => {
    expect((await play(played)).cause).toBeNull();
  });
});

describe("a launch is not repeated while its run may be there", () => {
  test.each<[string, Play, number]>([
    ["whose answer was lost", { launches: ["lost"] }, 1],
    ["whose answer was lost, and whose run appears later", { launches: ["lost"], appearsAfter: 15 }, 1],
    ["that never arrived is repeated in the end", { launches: ["dropped", succeeding] }, 2],
    [
      "of an earlier attempt that still goes on",
      { runs: [{ id: "run-old", statuses: ["STARTED", "SUCCESS"], tags: ours }] },
      0,
    ],
    ["of an earlier attempt that has succeeded", { runs: [{ id: "run-old", statuses: ["SUCCESS"], tags: ours }] }, 0],
    [
      "of an earlier attempt that has failed is repeated",
      { runs: [{ id: "run-old", statuses: ["FAILURE"], tags: ours }] },
      1,
    ],
    [
      "that was lost is told from an earlier one that has failed",
      { runs: [{ id: "run-old", statuses: ["FAILURE"], tags: ours }], launches: ["lost"], appearsAfter: 5 },
      1,
    ],
    [
      "of another location is none of ours",
      { runs: [{ id: "run-old", statuses: ["STARTED"], tags: ours.slice(0, 1) }] },
      1,
    ],
    [
      "of another job is none of ours",
      { runs: [{ id: "run-old", statuses: ["STARTED"], tags: ours, job: "other" }] },
      1,
    ],
  ])("one %s", async (_, played, launched) => {
    expect(await play(played)).toMatchObject({ cause: null, launched });
  });

  test("one of an earlier attempt, of whose task ECS does not know any more, is repeated", async () => {
    const images = [...Array.from({ length: 62 }, () => null), image];
    const result = await play({ runs: [{ id: "run-old", statuses: ["SUCCESS"], tags: ours }], images });
    expect(result).toMatchObject({ cause: null, launched: 1 });
  });
});

test("a task of which ECS never tells proves nothing, and is no other image", async () => {
  const result = await play({ images: [null] });
  expect(result.cause?.id).toBe("canary-unknown-task");
  expect(result.seconds).toBeLessThan(90);
});

test("a task of another image is one", async () => {
  const result = await play({ images: [null, "repo@sha256:old"] });
  expect(result.cause?.id).toBe("canary-other-image");
  expect(result.cause?.what).toContain("repo@sha256:old");
});

test("a run that goes on after the gate is named", async () => {
  const result = await play({ launches: [{ id: "run-new", statuses: ["STARTED"] }] });
  expect(result.cause?.id).toBe("canary-unfinished");
  expect(result.cause?.what).toContain("Run run-new was not ended");
});

describe("a run that failed is quoted", () => {
  const failing: RunPlayed = { id: "run-new", statuses: ["FAILURE"] };
  const failed = {
    __typename: "ExecutionStepFailureEvent",
    message: 'Execution of step "one" failed.',
    level: "ERROR",
    error: {
      message: "DagsterExecutionStepExecutionError: Error occurred while executing op one\n",
      className: "DagsterExecutionStepExecutionError",
      stack: ['  File "dagster/execute_step.py", line 9\n'],
      causes: [
        { message: "RuntimeError: middle\n", className: "RuntimeError", stack: ['  File "/app/main.py", line 5\n'] },
        {
          message: "KeyError: 'deals'\n",
          className: "KeyError",
          stack: ['  File "/app/deals.py", line 3\n', "    deals['deals']\n"],
        },
      ],
    },
  };
  // A run that failed has the error of its step.
  const endedBy = { ...failed, __typename: "RunFailureEvent", message: "Steps failed: ['one']." };
  const ended = { __typename: "RunFailureEvent", message: "Steps failed: ['one'].", level: "ERROR", error: null };

  test("with the end of the traceback of the deepest cause, and the last lines of its log", async () => {
    const result = await play({ launches: [failing], events: [failed, endedBy, ended] });
    expect(result.cause?.id).toBe("canary-failed");
    expect(result.evidence.map(({ text }) => text.untrusted)).toEqual([
      "Execution of step \"one\" failed.\n  File \"/app/deals.py\", line 3\n    deals['deals']\nKeyError: 'deals'",
      "a line",
    ]);
  });

  test("with its last messages when nothing was raised", async () => {
    const events = [{ __typename: "LogMessageEvent", message: "all is well", level: "INFO" }, ended];
    const { evidence } = await play({ launches: [failing], events });
    expect(evidence.map(({ text }) => text.untrusted)).toEqual(["Steps failed: ['one'].", "a line"]);
  });
});

describe("an asset", () => {
  const asset = { kind: "asset", key: "raw/deals" } as const;
  const days = ["2026-11-18", "2026-11-19", "2026-11-20"];
  const latest = { target: asset, partition: { kind: "latest" } } as const;
  const partitioned = { "raw/deals": { partitioned: true } };

  test("is materialised as a run of the job that has all assets", async () => {
    const result = await play({ assets: { "raw/deals": { partitioned: false } }, wanted: { target: asset } });
    expect(result).toMatchObject({
      cause: null,
      seen: "run run-new of asset raw/deals: SUCCESS",
      params: {
        selector: {
          repositoryLocationName: "DealFlow",
          repositoryName: "__repository__",
          jobName: "__ASSET_JOB",
          assetSelection: [{ path: ["raw", "deals"] }],
        },
        runConfigData: {},
        executionMetadata: { tags: ours },
      },
    });
  });

  test("is materialised for its last partition, with the config and tags that its code has for that", async () => {
    expect(await play({ assets: partitioned, partitions: days, wanted: latest })).toMatchObject({
      cause: null,
      seen: "run run-new of asset raw/deals, partition 2026-11-20: SUCCESS",
      params: {
        runConfigData: "day: 2026-11-20\n",
        executionMetadata: { tags: [{ key: "dagster/partition", value: "2026-11-20" }, ...ours] },
      },
    });
  });

  test("is materialised for a partition by its name, with the config of the stack file", async () => {
    const config = { ops: { raw__deals: { config: { rows: 1 } } } };
    const wanted = { target: asset, partition: { kind: "named", name: "2026-11-18" }, config } as const;
    expect(await play({ assets: partitioned, partitions: days, wanted })).toMatchObject({
      cause: null,
      params: {
        runConfigData: config,
        executionMetadata: { tags: [{ key: "dagster/partition", value: "2026-11-18" }, ...ours] },
      },
    });
  });

  test.each<[string, Play, string, string]>([
    ["that is not there", { assets: {}, wanted: { target: asset } }, "canary-missing-asset", "no asset raw/deals"],
    [
      "that no run can make",
      { assets: { "raw/deals": { partitioned: false, isMaterializable: false } }, wanted: { target: asset } },
      "canary-missing-asset",
      "no asset raw/deals that a run can make",
    ],
    [
      "with partitions of which none is named",
      { assets: partitioned, wanted: { target: asset } },
      "canary-partition",
      "has partitions, and the stack file names none",
    ],
    [
      "without partitions of which one is named",
      { assets: { "raw/deals": { partitioned: false } }, wanted: latest },
      "canary-partition",
      "has no partition, and the stack file says `partition: latest`",
    ],
    [
      "of which no partition is over yet",
      { assets: partitioned, partitions: [], wanted: latest },
      "canary-partition",
      "has no partition, and the stack file says `partition: latest`",
    ],
    [
      "of which there is no such partition",
      {
        assets: partitioned,
        partitions: days,
        wanted: { target: asset, partition: { kind: "named", name: "yesterday" } },
      },
      "canary-partition",
      "has no partition yesterday, which the stack file names",
    ],
    [
      "whose code cannot say what that partition is run with",
      { assets: partitioned, partitions: days, wanted: latest, partitionFails: true },
      "canary-refused",
      "partition 2026-11-20: PythonError: no config.",
    ],
  ])("%s is refused before anything is launched", async (_, played, id, words) => {
    const result = await play(played);
    expect(result.cause?.id).toBe(id);
    expect(result.cause?.what).toContain(words);
    expect(result.launched).toBe(0);
  });

  test("whose run was launched by an earlier attempt is followed", async () => {
    const runs = [{ id: "run-old", statuses: ["STARTED", "SUCCESS"], tags: ours }];
    const result = await play({ assets: partitioned, partitions: days, wanted: latest, runs });
    expect(result).toMatchObject({ cause: null, launched: 0 });
  });
});

test("a job may have partitions as well, and run config", async () => {
  const wanted = { partition: { kind: "latest" } } as const;
  const result = await play({ partitions: ["a", "b"], wanted });
  expect(result).toMatchObject({
    cause: null,
    params: { selector: { jobName: "canary" }, runConfigData: "day: b\n" },
  });
  expect(await play({ wanted: { config: { ops: {} } } })).toMatchObject({ params: { runConfigData: { ops: {} } } });
});

describe("a run in a process of the stack", () => {
  const wanted = { holders: ["deal-flow-daemon"] };
  const played = { wanted, inProcess: true };

  test("passes when all that can have held it ran the image, and says what is not known", async () => {
    const result = await play(played);
    expect(result.cause).toBeNull();
    expect(result.seen).toBe(
      "run run-new of job canary: SUCCESS, in a process of the stack: the task of deal-flow-daemon runs this image",
    );
  });

  test.each<[string, Play["images"]]>([
    ["before it was launched", ["repo@sha256:old", image]],
    ["after it had succeeded", [image, "repo@sha256:old"]],
  ])("does not when another image ran there %s", async (_, images) => {
    const result = await play({ ...played, ...(images === undefined ? {} : { images }) });
    expect(result.cause?.id).toBe("canary-other-image");
    expect(result.cause?.what).toContain("repo@sha256:old");
  });

  test("does not when nothing ran there", async () => {
    expect((await play({ ...played, images: [null] })).cause?.id).toBe("canary-not-a-task");
  });

  test("that was a task all the same is proved as one", async () => {
    expect(await play({ wanted })).toMatchObject({ cause: null, seen: "run run-new of job canary: SUCCESS" });
  });

  test("is none when each run is to be a task", async () => {
    expect((await play({ inProcess: true })).cause?.id).toBe("canary-not-a-task");
  });
});

describe("lines of the run in CloudWatch", () => {
  const wanted = { logs: true };

  test("are looked for where the definition of its task says", async () => {
    const result = await play({ wanted, lines: [["one", "two"]] });
    expect(result).toMatchObject({ cause: null, seen: "run run-new of job canary: SUCCESS; 2 lines in /dagster" });
  });

  test("are looked for in the region that its definition names", async () => {
    const elsewhere = { ...logOptions, "awslogs-region": "us-east-1" };
    expect(await play({ wanted, logOptions: elsewhere, lines: [["one"]] })).toMatchObject({ cause: null });
  });

  test("may come late", async () => {
    expect(await play({ wanted, lines: [null, [], ["one"]] })).toMatchObject({ cause: null, tasksAsked: 1 });
  });

  test.each<[string, Partial<Play>, string]>([
    ["there is no stream", { lines: [null] }, "log stream run/run/1 of /dagster is not there"],
    ["the stream is empty", { lines: [[]] }, "log stream run/run/1 of /dagster is empty"],
    ["they go elsewhere", { logOptions: null }, "container run has the log driver awsfirelens, not awslogs"],
    ["the options are too few", { logOptions: {} }, "the log options of container run name no group"],
  ])("are missing when %s", async (_, played, words) => {
    const result = await play({ wanted, ...played });
    expect(result.cause?.id).toBe("canary-no-logs");
    expect(result.cause?.what).toContain(words);
  });
});

test("lines of the run that this job may not read are a cause, with what to do", async () => {
  const { cause } = await play({ wanted: { logs: true }, mayRead: false });
  expect(cause?.id).toBe("canary-no-logs");
  expect(cause?.what).toContain("whether its lines are in CloudWatch cannot be told");
  expect(cause?.fix).toContain("Or remove `logs: true`");
});

describe("compute logs of the run", () => {
  const place = { bucket: "logs", prefix: "dagster/" };
  const wanted = { computeLogs: place };
  const location = "s3://logs/dagster/storage/run-new/compute_logs/abcd.err";
  const objects = ["dagster/storage/run-new/compute_logs/abcd.err"];

  test("are looked for where Dagster says, below where the stack file says", async () => {
    const result = await play({ wanted, computeLogs: [null, location], objects });
    expect(result).toMatchObject({
      cause: null,
      seen: "run run-new of job canary: SUCCESS; compute logs in s3://logs/dagster/storage/run-new/",
    });
  });

  test.each<[string, Partial<Play>, string]>([
    ["Dagster names none", {}, "Dagster names no place of them"],
    ["Dagster keeps files", { computeLogs: ["/home/storage/run-new/x.err"] }, "elsewhere than in S3, at /home/storage"],
    [
      "they go to another bucket",
      { computeLogs: [location.replace("logs", "other")] },
      "Dagster keeps them at s3://other/",
    ],
    [
      "they go below another prefix",
      { computeLogs: [location.replace("dagster/", "d/")] },
      "Dagster keeps them at s3://logs/d/",
    ],
    [
      "the bucket has none",
      { computeLogs: [location], objects: [] },
      "s3://logs/dagster/storage/run-new/ holds nothing",
    ],
  ])("are missing when %s", async (_, played, words) => {
    const result = await play({ wanted, ...played });
    expect(result.cause?.id).toBe("canary-no-compute-logs");
    expect(result.cause?.what).toContain(words);
  });
});

describe("the task of a run that failed", () => {
  const killed = {
    lastStatus: "STOPPED",
    stopCode: "EssentialContainerExited",
    stoppedReason: "Essential container in task exited",
    containers: [
      { name: "run", image, exitCode: 137, reason: "OutOfMemoryError: Container killed due to memory usage" },
    ],
  };
  const lines = [["loading", "half way"]];

  test("is quoted with its end and its last lines", async () => {
    const result = await play({ launches: [{ id: "run-new", statuses: ["FAILURE"] }], task: killed, lines });
    expect(result.cause?.id).toBe("canary-failed");
    expect(result.evidence.map(({ kind, text }) => [kind, text.untrusted])).toEqual([
      [
        "task",
        "EssentialContainerExited: Essential container in task exited\nrun: exit code 137, OutOfMemoryError: Container killed due to memory usage",
      ],
      ["log", "loading\nhalf way"],
    ]);
  });

  test("ends the gate soon, when Dagster has not heard of it", async () => {
    const result = await play({ launches: [{ id: "run-new", statuses: ["STARTED"] }], task: killed, lines });
    expect(result.cause?.id).toBe("canary-task-ended");
    expect(result.cause?.what).toContain("run run-new is still STARTED");
    expect(result.evidence).toHaveLength(2);
    expect(result.seconds).toBeLessThan(120);
  });

  test("is no reason to wait less while it runs", async () => {
    const result = await play({
      launches: [{ id: "run-new", statuses: ["STARTED"] }],
      task: { lastStatus: "RUNNING" },
    });
    expect(result.cause?.id).toBe("canary-unfinished");
  });
});
