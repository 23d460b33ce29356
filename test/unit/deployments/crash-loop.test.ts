import fc from "../../properties.ts";
import type { RolloutSettings } from "../../../src/deployments/service.ts";
import { isCrashLoop } from "../../../src/deployments/crash-loop.ts";
import { judge } from "../../../src/deployments/judge.ts";
import { type BreakerThreshold, usualThreshold } from "../../../src/deployments/service.ts";
import type { StoppedTask, Survivor } from "../../../src/deployments/stopped-tasks/read.ts";
import type { Track } from "../../../src/deployments/track.ts";
import { untrusted } from "../../../src/domain/evidence.ts";
import { begun, deployment, former, service, start } from "./observations.ts";

/** A task that exited at this second, having run for so many. */
const crash = (second: number, changes: Partial<StoppedTask> = {}): StoppedTask => ({
  id: `task-${second}`,
  isOver: true,
  at: start + second * 1000,
  lived: 2_000,
  code: "EssentialContainerExited",
  reason: untrusted("Essential container in task exited"),
  containers: [],
  ...changes,
});

const every = (seconds: number, times: number, changes: Partial<StoppedTask> = {}): readonly StoppedTask[] =>
  Array.from({ length: times }, (_, index) => crash((index + 1) * seconds, changes));

const withBreaker = (threshold: BreakerThreshold = usualThreshold, rollback = true) => ({ rollback, threshold });

interface Given {
  readonly stopped: readonly StoppedTask[];
  readonly breaker?: RolloutSettings["breaker"];
  readonly desiredCount?: number;
  readonly survivor?: Survivor;
  readonly track?: Partial<Track>;
}

function trackOf({ stopped, breaker = null, desiredCount = 1, survivor, track = {} }: Given): Track {
  const rollout = { ...service().rollout, breaker };
  const seen = service({ primary: deployment(), others: [former()], desiredCount, rollout });
  return { ...begun({}, seen), stopped, survivor: survivor ?? null, ...track };
}

const now = start + 600_000;

describe("A crash loop", () => {
  test.each<Given & { readonly name: string; readonly is: boolean }>([
    { name: "no task has failed", stopped: [], is: false },
    { name: "as many as open ECS's breaker: ECS goes first", stopped: every(20, 3), breaker: withBreaker(), is: false },
    { name: "one more than open ECS's breaker", stopped: every(20, 4), breaker: withBreaker(), is: true },
    { name: "one more, without a breaker, within two minutes", stopped: every(30, 4), is: false },
    { name: "many, without a breaker, over less than five minutes", stopped: every(20, 15), is: false },
    { name: "without a breaker, over five minutes", stopped: every(20, 16), is: true },
    { name: "three in an hour", stopped: every(1200, 3), is: false },
    {
      name: "four missing images over nineteen minutes",
      stopped: every(380, 4, { code: "TaskFailedToStart" }),
      is: true,
    },
    {
      name: "tasks that the scheduler stopped",
      stopped: every(20, 9, { code: "ServiceSchedulerInitiated" }),
      is: false,
    },
    { name: "tasks that somebody stopped", stopped: every(20, 20, { code: "UserInitiated" }), is: false },
    { name: "tasks that are still ending", stopped: every(20, 20, { isOver: false }), is: false },
    { name: "tasks that had run for five minutes", stopped: every(20, 20, { lived: 300_000 }), is: false },
    {
      name: "a third of ten, by the breaker's default",
      stopped: every(20, 5),
      breaker: withBreaker(),
      desiredCount: 10,
      is: false,
    },
    { name: "six of ten", stopped: every(20, 6), breaker: withBreaker(), desiredCount: 10, is: true },
    {
      name: "a hundred of a thousand, at two hundred at most",
      stopped: every(1, 201),
      breaker: withBreaker(),
      desiredCount: 1000,
      is: true,
    },
    {
      name: "the same where there is no such bound",
      stopped: every(1, 201),
      breaker: withBreaker({ type: "UNBOUNDED_PERCENT", value: 50 }),
      desiredCount: 1000,
      is: false,
    },
    {
      name: "a threshold that is a count",
      stopped: every(20, 6),
      breaker: withBreaker({ type: "COUNT", value: 6 }),
      is: false,
    },
    { name: "that count passed", stopped: every(20, 7), breaker: withBreaker({ type: "COUNT", value: 6 }), is: true },
    {
      name: "a count of one: three are borne",
      stopped: every(20, 3),
      breaker: withBreaker({ type: "COUNT", value: 1 }),
      is: false,
    },
    {
      name: "one lives on, longer than those that failed",
      stopped: every(20, 9, { lived: 25_000 }),
      breaker: withBreaker(),
      survivor: { startedAt: now - 26_000, isHealthy: false },
      is: false,
    },
    {
      name: "one has just begun, as those that failed had",
      stopped: every(20, 9, { lived: 25_000 }),
      breaker: withBreaker(),
      survivor: { startedAt: now - 24_000, isHealthy: false },
      is: true,
    },
    {
      name: "one is healthy already",
      stopped: every(20, 9, { lived: 25_000 }),
      breaker: withBreaker(),
      survivor: { startedAt: now - 5_000, isHealthy: true },
      is: false,
    },
  ])("$name: $is", ({ is, ...given }) => {
    expect(isCrashLoop(trackOf(given), now)).toBe(is);
  });

  test("is none of up to three failures, whatever they are, and with any breaker or none", () => {
    const anyCrash = fc.record({
      second: fc.nat(100_000),
      lived: fc.nat(400_000),
      code: fc.constantFrom("EssentialContainerExited", "TaskFailedToStart", "SpotInterruption"),
    });
    const anyBreaker = fc.option(
      fc
        .record({
          type: fc.constantFrom<BreakerThreshold["type"]>("BOUNDED_PERCENT", "UNBOUNDED_PERCENT", "COUNT"),
          value: fc.integer({ min: 1, max: 100 }),
        })
        .map((threshold) => withBreaker(threshold)),
    );
    fc.assert(
      fc.property(
        fc.array(anyCrash, { maxLength: 3 }),
        anyBreaker,
        fc.integer({ min: 1, max: 500 }),
        (all, breaker, count) => {
          const stopped = all.map(({ second, ...changes }) => crash(second, changes));
          expect(isCrashLoop(trackOf({ stopped, breaker, desiredCount: count }), now)).toBe(false);
        },
      ),
    );
  });

  test("is any that goes on: every pace of failing is called one within a number of failures", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 600 }),
        fc.nat(60_000),
        fc.integer({ min: 1, max: 6 }),
        (pace, lived, count) => {
          const stopped = every(pace, 4 + Math.ceil(300 / pace), { lived });
          expect(isCrashLoop(trackOf({ stopped, desiredCount: count }), now)).toBe(true);
        },
      ),
    );
  });

  test.each([
    { breaker: withBreaker(), arn: "arn:x", stop: null, judged: { kind: "stop" } },
    { breaker: withBreaker(), arn: "arn:x", stop: "asked", judged: { kind: "moving" } },
    { breaker: withBreaker(), arn: "arn:x", stop: "refused", judged: { kind: "ended", ending: "failed" } },
    // ECS lists the service deployment where it does not name it with the service.
    { breaker: withBreaker(), arn: null, stop: null, judged: { kind: "stop" } },
    {
      breaker: withBreaker(usualThreshold, false),
      arn: "arn:x",
      stop: null,
      judged: { kind: "ended", ending: "failed" },
    },
    { breaker: null, arn: "arn:x", stop: null, judged: { kind: "ended", ending: "failed" } },
  ] as const)(
    "of a service with breaker $breaker, when stopping was $stop: $judged",
    ({ breaker, arn, stop, judged }) => {
      const track = trackOf({ stopped: every(20, 16), breaker });
      const aim = { ...track.aim, serviceDeploymentArn: arn };
      expect(judge({ ...track, aim, stop }, now)).toEqual(judged);
    },
  );
});

describe("Where tasks may not be looked at", () => {
  const says = (second: number, text: string) => ({
    id: `${second}`,
    at: start + second * 1000,
    text: untrusted(`(service app) ${text}`),
  });
  const blind = (events: Track["events"], changes: Partial<Given> = {}): Track =>
    trackOf({ stopped: [], breaker: withBreaker(), ...changes, track: { tasksRefused: untrusted("no"), events } });
  const started = (times: number): Track["events"] =>
    Array.from({ length: times }, (_, index) => says(index, "has started 1 tasks: (task 1)."));

  test("what ECS starts, and neither stops nor has, was lost", () => {
    expect(isCrashLoop(blind(started(4)), now)).toBe(false);
    expect(isCrashLoop(blind(started(5)), now)).toBe(true);
  });

  test("what ECS stopped was not lost", () => {
    const stopped = [
      says(100, "has stopped 2 running tasks: (task 1) (task 2)."),
      says(101, "stopped 1 pending tasks."),
    ];
    expect(isCrashLoop(blind([...started(7), ...stopped]), now)).toBe(false);
    expect(isCrashLoop(blind([...started(8), ...stopped]), now)).toBe(true);
  });

  test("what was started before counts for nothing", () => {
    expect(isCrashLoop(blind([...started(4), says(-10, "has started 9 tasks: (task 1).")]), now)).toBe(false);
  });

  test("without a breaker it takes five minutes as well", () => {
    expect(isCrashLoop(blind(started(9), { breaker: null }), start + 299_000)).toBe(false);
    expect(isCrashLoop(blind(started(9), { breaker: null }), start + 300_000)).toBe(true);
  });
});
