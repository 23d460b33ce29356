import type { Step } from "../../../src/domain/plan.ts";
import { longestSeconds } from "../../../src/releases/time-outs.ts";

const common = { reason: "", undo: { kind: "none", why: "" } } as const;

function roll(service: string, after: readonly string[] = []): Step {
  const what = { service, from: null, to: `arn:${service}`, count: null };
  return { ...common, ...what, id: `roll/${service}`, part: "rollout", after, kind: "roll" };
}

function migrate(migration: string): Step {
  const what = { migration, purpose: "migrate", definition: "arn:once", addsSince: [] } as const;
  return { ...common, ...what, id: `migrate/${migration}`, part: "migrations", after: [], kind: "run-task" };
}

function canary(after: readonly string[]): Step {
  const what = {
    gate: "canary",
    on: "code",
    run: {
      target: { kind: "job", name: "canary" },
      partition: { kind: "none" },
      config: null,
      logs: false,
      computeLogs: null,
    },
    image: "image",
  } as const;
  return { ...common, ...what, id: "gate/canary", part: "rollout", after, kind: "gate" };
}

test("steps side by side take as long as the longest of them", () => {
  expect(longestSeconds([roll("a"), roll("b"), migrate("c")], 30 * 60, 10)).toBe(60 * 60);
});

test("steps that wait for each other take as long as all of them, in whatever order they stand", () => {
  const chain = [migrate("m"), roll("a", ["migrate/m"]), canary(["roll/a"])];
  expect(longestSeconds(chain, 30 * 60, 10)).toBe((60 + 30 + 10) * 60);
  expect(longestSeconds(chain.toReversed(), 30 * 60, 10)).toBe((60 + 30 + 10) * 60);
});

test("a deployment takes as long as it was given", () => {
  expect(longestSeconds([roll("a"), roll("b", ["roll/a"])], 5 * 60, 10)).toBe(10 * 60);
});

test("what another action has done takes no time", () => {
  expect(longestSeconds([roll("a", ["migrate/m"])], 30 * 60, 10)).toBe(30 * 60);
  expect(longestSeconds([], 30 * 60, 10)).toBe(0);
});

test.each([
  [undefined, 10],
  [5 * 60, 10],
  [20 * 60, 20],
])("what is expected takes ten minutes, or as long as its slowest tick may: %p s", (withinSeconds, minutes) => {
  const watch = {
    status: "RUNNING",
    tick: "success",
    ...(withinSeconds === undefined ? {} : { withinSeconds }),
  } as const;
  const what = { gate: "expect", on: "small", schedules: {}, sensors: { watch }, assets: {}, firstTick: null } as const;
  const step: Step = { ...common, ...what, id: "gate/expect/small", part: "rollout", after: [], kind: "gate" };
  expect(longestSeconds([step], 30 * 60, 10)).toBe(minutes * 60);
});

test.each<[string, object, number]>([
  ["location", { image: "image" }, (15 + 3) * 60 + 10],
  ["loaded", { image: "image" }, (15 + 3) * 60],
  ["daemon", {}, (15 + 3) * 60],
  ["webserver", {}, (15 + 3) * 60],
  ["log-scan", { level: "warning" }, 60],
  ["targets", {}, 3 * 60],
  ["security-groups", {}, 3 * 60],
  ["state", { image: "image" }, 3 * 60],
  ["version", { version: "v1", pollSeconds: 30 }, 3 * 60 + 30],
])("gate %s takes its time-out, and as long as it waits before it asks", (gate, what, seconds) => {
  const step = { ...common, id: `gate/${gate}`, part: "rollout", after: [], kind: "gate", gate, on: "code", ...what };
  expect(longestSeconds([step as Step], 30 * 60, 10)).toBe(seconds);
});
