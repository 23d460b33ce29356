import { type Dagster, DagsterUnreachable, type Document } from "../../../../src/dagster/client.ts";
import type { InstigatorTick } from "../../../../src/dagster/instigators.ts";
import { expectGate, type StateNamed } from "../../../../src/gates/state/expect.ts";
import { judgeTicks } from "../../../../src/gates/state/judge.ts";
import type { GateResult } from "../../../../src/gates/gate.ts";
import { playInstigators, type PlayedInstigators } from "../../../releases/played/played-instigators.ts";
import { testContext } from "../../context.ts";

const nightly = { kind: "schedule", location: "small", name: "nightly" } as const;
const watch = { kind: "sensor", location: "small", name: "watch", defaultStatus: "RUNNING" } as const;

let played: PlayedInstigators;
let broken: boolean;
/** Names of all questions so far. */
let asked: string[];
/** Answers to each question for ticks, one after another; the last one for ever. */
let ticks: (readonly InstigatorTick[])[];
/** Keys of the assets of each location. */
let assets: Readonly<Record<string, readonly (readonly string[])[] | "broken">>;
/** When the schedule is due, in seconds since 1970. */
let due: number;

beforeEach(() => {
  played = playInstigators();
  played.defined.push(nightly, watch);
  broken = false;
  asked = [];
  assets = { small: [["orders"], ["warehouse", "customers"]], other: [["mail"]] };
  ticks = [[]];
  due = 0;
});

const webserver: Dagster = {
  ask: async <T>(document: Document<T>, variables = {}) => {
    asked.push(document.name);
    const mutation = played.mutations[document.name];
    if (mutation !== undefined) return document.answer.parse(await mutation(variables as never));
    if (document.name === "SensorTicks") {
      const [next = [], ...others] = ticks;
      if (others.length > 0) ticks = others;
      return document.answer.parse({ sensorOrError: { __typename: "Sensor", sensorState: { ticks: next } } });
    }
    if (document.name === "ScheduleTicks") {
      const [next = [], ...others] = ticks;
      if (others.length > 0) ticks = others;
      const futureTicks = { results: [{ timestamp: due }] };
      const scheduleState = { ticks: next };
      return document.answer.parse({ scheduleOrError: { __typename: "Schedule", scheduleState, futureTicks } });
    }
    const nodes = (keys: readonly (readonly string[])[]) => [
      { assetNodes: keys.map((path) => ({ assetKey: { path } })) },
    ];
    const entry = (name: string, locationOrLoadError: object): object => {
      return { name, loadStatus: "LOADED", displayMetadata: [], locationOrLoadError };
    };
    if (document.name === "Assets") {
      const locationEntries = Object.entries(assets).map(([name, keys]) =>
        keys === "broken"
          ? entry(name, { __typename: "PythonError" })
          : entry(name, { __typename: "RepositoryLocation", repositories: nodes(keys) }),
      );
      return document.answer.parse({ workspaceOrError: { __typename: "Workspace", locationEntries } });
    }
    const loaded = { __typename: "RepositoryLocation", repositories: [played.repository("small", "")] };
    const locationEntries = [
      entry("small", loaded),
      ...(broken ? [entry("other", { __typename: "PythonError" })] : []),
    ];
    return document.answer.parse({ workspaceOrError: { __typename: "Workspace", locationEntries } });
  },
  serverInfo: () => Promise.reject(new DagsterUnreachable("not asked here")),
};

const ask = (named: Partial<StateNamed>): Promise<GateResult> => {
  const { context, clock } = testContext();
  const expected = {
    stack: "small",
    schedules: {},
    sensors: {},
    assets: {},
    firstTick: null,
    restores: false,
    timeoutSeconds: 60,
    ...named,
  };
  return clock.run(expectGate(webserver, context, expected));
};
const on = { status: "RUNNING", tick: "any" } as const;
const ticking = { status: "RUNNING", tick: "success" } as const;
const tick = (timestamp: number, status: string, message?: string): InstigatorTick => ({
  timestamp,
  status,
  error: message === undefined ? null : { message, stack: ['  File "/app/main.py", line 3\n'] },
});

describe("What the stack file names", () => {
  test("and is so, passes", async () => {
    expect(
      await ask({ sensors: { watch: on }, schedules: { nightly: { status: "STOPPED", tick: "any" } } }),
    ).toMatchObject({
      cause: null,
      seen: "2 schedules and sensors as named",
    });
  });

  test("and has another status, fails with both", async () => {
    expect((await ask({ schedules: { nightly: on } })).cause).toMatchObject({
      id: "state-unexpected",
      what: expect.stringContaining("schedule nightly of small is STOPPED and not RUNNING") as unknown,
    });
    expect(played.stored(nightly).status).toBeNull();
  });

  test("and has another status, gets the one that is named when that is told", async () => {
    const off = { status: "STOPPED", tick: "any" } as const;
    expect((await ask({ schedules: { nightly: on }, sensors: { watch: off }, restores: true })).cause).toBeNull();
    expect([played.stored(nightly).status, played.stored(watch).status]).toEqual(["RUNNING", "STOPPED"]);
  });

  test("and nobody has, fails at once", async () => {
    const { cause, seconds } = await ask({ schedules: { evening: on } });
    expect(cause?.what).toContain("what no code location has: schedule evening");
    expect(seconds).toBe(0);
  });

  test("and nobody has, is waited for while a location does not load", async () => {
    broken = true;
    const { cause, seconds } = await ask({ schedules: { evening: on } });
    expect(cause?.what).toContain("schedule evening: no location has it, and other does not load");
    expect(cause?.fix).toMatch(/^See why the location does not load/);
    expect(seconds).toBeGreaterThan(59);
  });
});

describe("Assets that the stack file names", () => {
  test("and their locations show, pass, alone or beside schedules", async () => {
    const named = { small: ["warehouse/customers", "orders"], other: ["mail"] };
    expect(await ask({ assets: named })).toMatchObject({ cause: null, seen: "3 assets there" });
    const stopped = { nightly: { status: "STOPPED", tick: "any" } } as const;
    expect(await ask({ assets: named, schedules: stopped })).toMatchObject({
      cause: null,
      seen: "3 assets there, 1 schedules and sensors as named",
    });
  });

  test.each([
    [
      "a slip",
      { small: ["warehouse/customer"] },
      "warehouse/customer in small (the nearest it has is warehouse/customers)",
    ],
    ["another location's", { small: ["mail"] }, "mail in small (it is in other)"],
    ["nothing like any", { small: ["a_long_name_of_its_own"] }, "a_long_name_of_its_own in small (it has 2 others)"],
    [
      "two at once",
      { small: ["order"], other: ["orders"] },
      "order in small (the nearest it has is orders); orders in other (it is in small)",
    ],
    [
      "no key at all",
      { small: ["warehouse customers!"] },
      '"warehouse customers!" in small (the nearest it has is warehouse/customers)',
    ],
  ])("and nobody shows fail at once, with what was meant: %s", async (_, named, what) => {
    const { cause, seconds } = await ask({ assets: named });
    expect(cause).toMatchObject({ id: "expect-missing", what: expect.stringContaining(`show: ${what}.`) as unknown });
    expect(seconds).toBe(0);
  });

  test("fail where the location has none at all", async () => {
    assets = { small: [] };
    expect((await ask({ assets: { small: ["orders"] } })).cause?.what).toContain("orders in small (it has none)");
  });

  test.each([
    ["does not load", { small: "broken" }, "small, which is to show assets, does not load"],
    ["is not in the workspace", {}, "the workspace does not have small"],
  ] as const)("are waited for while their location %s", async (_, seen, why) => {
    assets = seen;
    const { cause, seconds } = await ask({ assets: { small: ["orders"] } });
    expect(cause?.what).toContain(why);
    expect(cause?.fix).toMatch(/^See why the location does not load/);
    expect(seconds).toBeGreaterThan(59);
  });

  test("are not asked for again once they are there, while a tick is waited for", async () => {
    const { cause } = await ask({ assets: { small: ["orders"] }, sensors: { watch: ticking } });
    expect(cause?.what).toContain("sensor watch of small");
    expect(cause?.fix).toMatch(/^See the daemon's log/);
    expect(asked.filter((name) => name === "Assets")).toHaveLength(1);
    expect(asked.filter((name) => name === "SensorTicks").length).toBeGreaterThan(10);
  });
});

describe("A sensor whose tick must succeed", () => {
  test("passes with the first tick after the question, and not with one before", async () => {
    ticks = [
      [tick(10, "SUCCESS")],
      [tick(10, "SUCCESS")],
      [tick(40, "STARTED"), tick(10, "SUCCESS")],
      [tick(40, "SKIPPED")],
    ];
    const { cause, seconds } = await ask({ sensors: { watch: ticking } });
    expect([cause, seconds]).toEqual([null, 3]);
  });

  test("fails with the traceback of its tick", async () => {
    ticks = [[], [tick(40, "FAILURE", "KeyError: 'mail'")]];
    const { cause, evidence } = await ask({ sensors: { watch: ticking } });
    expect(cause).toMatchObject({ id: "tick-failed" });
    expect(evidence[0]?.text.untrusted).toContain("KeyError: 'mail'");
  });

  test("fails when it does not tick in time", async () => {
    expect((await ask({ sensors: { watch: ticking } })).cause?.what).toContain(
      "sensor watch of small has not ticked yet",
    );
  });

  test.each([
    ["fails when it has not ticked within its minutes, and others may take longer", 60, "tick-late"],
    ["is waited for as long as it may take", 180, "tick-failed"],
  ])("%s", async (_, withinSeconds, id) => {
    ticks = [...Array.from({ length: 100 }, () => []), [tick(100, "FAILURE")]];
    const { cause, seconds } = await ask({ sensors: { watch: { ...ticking, withinSeconds } }, timeoutSeconds: 600 });
    expect(cause?.id).toBe(id);
    expect(seconds).toBeCloseTo(id === "tick-late" ? withinSeconds + 1 : 100, 0);
    if (id === "tick-late")
      expect(cause?.what).toContain("sensor watch of small has not ticked yet, and 1 min are over");
  });
});

describe("The first tick of a schedule that is on and due soon", () => {
  const first = (mode: "report" | "require"): Partial<StateNamed> => ({
    firstTick: { mode, locations: ["small"] },
    timeoutSeconds: 600,
  });
  beforeEach(() => played.set(nightly, { status: "RUNNING" }));

  test.each(["report", "require"] as const)("is waited for, and told (%s)", async (mode) => {
    ticks = [[tick(10, "SUCCESS")], [tick(10, "SUCCESS")], [tick(60, "SUCCESS")]];
    const { cause, seen } = await ask(first(mode));
    expect(cause).toBeNull();
    expect(seen).toContain("first ticks: schedule nightly of small: SUCCESS");
  });

  test("takes the release back when it fails and is required", async () => {
    ticks = [[], [tick(60, "FAILURE", "KeyError: 'mail'")]];
    const { cause, evidence } = await ask(first("require"));
    expect(cause?.what).toContain("The first tick of schedule nightly of small after the deploy has failed");
    expect(evidence[0]?.text.untrusted).toContain("KeyError: 'mail'");
  });

  test("is a finding when it fails and is only told", async () => {
    ticks = [[], [tick(60, "FAILURE", "KeyError: 'mail'")]];
    const { cause, findings } = await ask(first("report"));
    expect(cause).toBeNull();
    expect(findings).toMatchObject([{ id: "tick-failed", level: "warning" }]);
  });

  test("that does not come fails when it is required, and is told otherwise", async () => {
    expect((await ask(first("require"))).cause?.what).toContain("schedule nightly: due soon, not ticked yet");
    const { cause, seen } = await ask(first("report"));
    expect([cause, seen.includes("not ticked in time: schedule nightly")]).toEqual([null, true]);
  });

  test("is not waited for when it is due later, nor in locations of others", async () => {
    due = 4e9;
    expect(await ask(first("require"))).toMatchObject({ cause: null, seconds: 0 });
    due = 0;
    expect(await ask({ firstTick: { mode: "require", locations: ["other"] } })).toMatchObject({
      cause: null,
      seconds: 0,
    });
  });
});

test.each<[string, readonly InstigatorTick[], string]>([
  ["none", [], "waiting"],
  ["one before", [tick(5, "FAILURE")], "waiting"],
  ["one that is under way", [tick(11, "STARTED")], "waiting"],
  ["one that succeeded", [tick(11, "SUCCESS")], "good"],
  ["one that found nothing to do", [tick(11, "SKIPPED")], "good"],
  ["one that failed", [tick(11, "FAILURE")], "failed"],
  ["a good one after one that failed", [tick(12, "SUCCESS"), tick(11, "FAILURE")], "failed"],
])("of ticks since a moment, %s", (_, seen, kind) => {
  expect(judgeTicks(seen, 10).kind).toBe(kind);
});
