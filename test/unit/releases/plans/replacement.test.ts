import { inOrder, type Plan } from "../../../../src/domain/plan.ts";
import { movedOf } from "../../../../src/releases/observation.ts";
import { beforeOf } from "../../../../src/releases/observe/services.ts";
import { planRelease } from "../../../../src/releases/plan.ts";
import { begin, carriedOut, dealFlow, serviceOf, shaOf, untouchedWorld, type World } from "../world.ts";

const stack = dealFlow((text) => text.replace("kind: daemon,", "kind: daemon, replaces: old-daemon,"));
const old = { family: "old", revision: 7 };
const planFor = (world: World, sha = "a"): Plan => planRelease(stack, world.observation, begin(world, shaOf(sha)));

/** The world with what the daemon replaces; null: there is none. */
function withOld(world: World, count: number | null): World {
  const { services: known } = world.observation;
  const services = count === null ? known : { ...known, "replaced/daemon": serviceOf("old-daemon", old, count) };
  return { ...world, observation: { ...world.observation, services, before: beforeOf(services, { unfinished: [] }) } };
}

const first = withOld(untouchedWorld(stack), 1);

describe("What a service replaces", () => {
  test("is stopped right before that starts, and started again should the release fail", () => {
    const { steps } = planFor(first);
    expect(steps.find(({ kind }) => kind === "stop")).toMatchObject({
      id: "stop/replaced/old-daemon",
      service: "replaced/daemon",
      name: "old-daemon",
      from: old,
      undo: { kind: "roll", service: "old-daemon", to: old, count: 1 },
    });
    const ids = inOrder(steps).map(({ id }) => id);
    expect(steps.find(({ id }) => id === "roll/daemon")?.after).toContain("stop/replaced/old-daemon");
    expect(ids.indexOf("roll/code")).toBeLessThan(ids.indexOf("stop/replaced/old-daemon"));
  });

  test.each([
    [0, "it runs no task"],
    [null, "the cluster has no service of that name"],
  ])("and has %s tasks stays as it is, and that is said", (count, why) => {
    const plan = planFor(withOld(untouchedWorld(stack), count));
    expect(plan.steps.map(({ kind }) => kind)).not.toContain("stop");
    expect(plan.untouched).toContainEqual({ what: "service old-daemon, which daemon replaces", why });
  });

  test("is stopped, and the daemon asked, when it was started beside the daemon that has replaced it", () => {
    const world = withOld(carriedOut(stack, first, planFor(first)), 1);
    expect(inOrder(planFor(world, "b").steps).map(({ id }) => id)).toEqual([
      "stop/replaced/old-daemon",
      "gate/daemon/daemon",
      "gate/canary/DealFlow",
    ]);
  });

  test("and was stopped by a release that was cut goes back with the rest, last", () => {
    const cut = withOld(carriedOut(stack, first, planFor(first)), 0);
    const { before } = first.observation;
    const plan = planFor({ ...cut, observation: { ...cut.observation, current: null, before } });
    expect(plan.moved.at(-1)).toEqual({
      service: "replaced/daemon",
      undo: { kind: "roll", service: "old-daemon", to: old, count: 1 },
    });
    expect(movedOf(stack, { ...cut.observation, before }).at(-1)?.key).toBe("replaced/daemon");
  });

  test("has moved nothing while it is as before", () => {
    expect(movedOf(stack, first.observation)).toEqual([]);
  });
});
