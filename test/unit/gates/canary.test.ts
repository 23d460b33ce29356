import type { EcsSend } from "../../../src/aws/ecs.ts";
import { type Dagster, DagsterUnreachable, type Document } from "../../../src/dagster/client.ts";
import { canaryGate } from "../../../src/gates/canary.ts";
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
}

interface Played extends GateResult {
  readonly launched: number;
  readonly tasksAsked: number;
}

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
    tags: [...(run.tags ?? []), ...ofTask],
  });
  const launch = (params: { readonly executionMetadata: { readonly tags: RunPlayed["tags"] } }): unknown => {
    const answer = nth(play.launches ?? [succeeding], count("launch")) ?? succeeding;
    const tags = params.executionMetadata.tags ?? [];
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
          repositories: [{ name: "__repository__", jobs }],
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
          ({ job = "canary", tags = [] }) =>
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
      default:
        throw new Error(`${name} is not asked here`);
    }
  };
  const dagster: Dagster = {
    ask: async <T>(document: Document<T>, variables = {}) => document.answer.parse(answerTo(document.name, variables)),
    serverInfo: () => Promise.reject(new Error("not asked here")),
  };
  const ecs = (async () => {
    const answer = nth(play.images ?? [image], count("tasks"));
    return answer === null
      ? { tasks: [], failures: [{ arn: task, reason: "MISSING" }] }
      : { tasks: [{ containers: [{ image: answer }] }] };
  }) as unknown as EcsSend;
  const result = await clock.run(
    canaryGate(dagster, ecs, context, {
      location: "DealFlow",
      job: "canary",
      cluster: "prod",
      image,
      tags: { "dagster-ecs/release": "r1" },
      timeoutSeconds: 600,
    }),
  );
  return { ...result, launched: asked.get("launch") ?? 0, tasksAsked: asked.get("tasks") ?? 0 };
}

const ours = [
  { key: "dagster-ecs/release", value: "r1" },
  { key: "dagster-ecs/canary", value: "DealFlow" },
];

test("a run that succeeds on the image passes", async () => {
  const result = await play();
  expect(result).toMatchObject({ cause: null, launched: 1, seen: "run run-new of canary: SUCCESS" });
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

  test("with the end of the traceback of the deepest cause", async () => {
    const result = await play({ launches: [failing], events: [failed, endedBy, ended] });
    expect(result.cause?.id).toBe("canary-failed");
    expect(result.evidence.map(({ text }) => text.untrusted)).toEqual([
      "Execution of step \"one\" failed.\n  File \"/app/deals.py\", line 3\n    deals['deals']\nKeyError: 'deals'",
    ]);
  });

  test("with its last messages when nothing was raised", async () => {
    const events = [{ __typename: "LogMessageEvent", message: "all is well", level: "INFO" }, ended];
    const { evidence } = await play({ launches: [failing], events });
    expect(evidence.map(({ text }) => text.untrusted)).toEqual(["Steps failed: ['one']."]);
  });
});
