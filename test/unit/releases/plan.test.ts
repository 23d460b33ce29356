import fc from "../../properties.ts";
import { inOrder, type Plan, planHash, type Step } from "../../../src/domain/plan.ts";
import { usualThreshold } from "../../../src/deployments/service.ts";
import { checkServices } from "../../../src/releases/checks.ts";
import { explainPlan } from "../../../src/releases/explain.ts";
import type { Release } from "../../../src/domain/release.ts";
import { planRelease, planRollback } from "../../../src/releases/plan.ts";
import type { Stack } from "../../../src/stack/index.ts";
import {
  begin,
  carriedOut,
  dealFlow,
  serviceOf,
  shaOf,
  untouchedWorld,
  type World,
  withContents,
  withImagesMade,
} from "./world.ts";

const stack = dealFlow();
const planFor = (world: World, sha = "a", of: Stack = stack): Plan =>
  planRelease(of, world.observation, begin(world, shaOf(sha)));
const idsOf = (plan: Plan): readonly string[] => inOrder(plan.steps).map(({ id }) => id);
const released = (world: World, sha = "a"): World => carriedOut(stack, world, planFor(world, sha));
const first = released(untouchedWorld(stack));

/** Every pair of which the first must be done before the second begins. */
function before(plan: Plan, earlier: string, later: string): boolean {
  const byId = new Map(plan.steps.map((step) => [step.id, step]));
  const reach = (step: Step | undefined): boolean =>
    step !== undefined && step.after.some((id) => id === earlier || reach(byId.get(id)));
  return byId.has(earlier) && reach(byId.get(later));
}

describe("the first release", () => {
  const plan = planFor(untouchedWorld(stack));

  test("makes, migrates, registers and rolls everything", () => {
    expect([...idsOf(plan)].sort()).toEqual([
      "gate/canary/DealFlow",
      "gate/daemon/daemon",
      "gate/location/DealFlow",
      "gate/webserver/webserver",
      "image/code",
      "image/host",
      "migrate/application",
      "migrate/instance",
      "register/once/code",
      "register/once/host",
      "register/run/DealFlow",
      "register/service/code",
      "register/service/daemon",
      "register/service/webserver",
      "roll/code",
      "roll/daemon",
      "roll/webserver",
    ]);
  });

  test.each([
    ["image/code", "migrate/application"],
    ["register/once/code", "migrate/application"],
    ["migrate/application", "migrate/instance"],
    ["migrate/instance", "register/service/code"],
    ["register/run/DealFlow", "register/service/code"],
    ["register/service/webserver", "roll/code"],
    ["roll/code", "roll/daemon"],
    ["roll/daemon", "roll/webserver"],
    ["roll/webserver", "gate/webserver/webserver"],
    ["gate/webserver/webserver", "gate/location/DealFlow"],
    ["gate/webserver/webserver", "gate/daemon/daemon"],
    ["gate/location/DealFlow", "gate/canary/DealFlow"],
    ["gate/daemon/daemon", "gate/canary/DealFlow"],
  ])("does %s before %s", (earlier, later) => expect(before(plan, earlier, later)).toBe(true));

  test("starts the wanted number of tasks, and takes them back to none", () => {
    for (const step of plan.steps) {
      if (step.kind !== "roll") continue;
      expect(step.count).toBe(1);
      expect(step.undo).toMatchObject({ kind: "roll", count: 0 });
    }
  });
});

describe("a commit", () => {
  test("that changes nothing has nothing to do", () => {
    expect(idsOf(planFor(first, "b"))).toEqual([]);
  });

  test("of code moves the code location only", () => {
    const plan = planFor(withContents(first, { code: "code 2" }), "b");
    expect(plan.steps.filter(({ kind }) => kind === "roll").map(({ id }) => id)).toEqual(["roll/code"]);
    expect(idsOf(plan)).not.toContain("image/host");
    expect(idsOf(plan)).not.toContain("migrate/instance");
    expect(plan.untouched.map(({ what }) => what)).toEqual(
      expect.arrayContaining(["service daemon", "service webserver", "image host", "migration instance"]),
    );
    expect(before(plan, "roll/code", "gate/location/DealFlow")).toBe(true);
  });

  test("of the host moves daemon and webserver, and asks the new webserver for every location", () => {
    const plan = planFor(withContents(first, { host: "host 2" }), "b");
    expect(plan.steps.filter(({ kind }) => kind === "roll").map(({ id }) => id)).toEqual([
      "roll/daemon",
      "roll/webserver",
    ]);
    expect(before(plan, "gate/daemon/daemon", "roll/webserver")).toBe(true);
    expect(before(plan, "gate/webserver/webserver", "gate/location/DealFlow")).toBe(true);
  });

  test("of both lets the daemon wait for the location's gate", () => {
    const plan = planFor(withContents(first, { host: "host 2", code: "code 2" }), "b");
    expect(before(plan, "gate/location/DealFlow", "roll/daemon")).toBe(true);
  });

  test("of both asks for the location twice, and says of the second time that it is one", () => {
    const plan = planFor(withContents(first, { host: "host 2", code: "code 2" }), "b");
    const asked = plan.steps.filter((step) => step.kind === "gate" && step.gate === "location");
    expect(asked.map(({ reason }) => reason)).toEqual([
      "nothing goes on before its new code is served",
      "asked once more: the old webserver has found its new code, and the new one must find it as well",
    ]);
    const [, ...rows] = explainPlan(plan, first.observation).markdown.match(/^.*location gate of .*$/gm) ?? [];
    expect(rows).toEqual([
      expect.stringMatching(/^\| location gate of `DealFlow`, once more, of the new webserver \|/),
    ]);
  });

  test("gives each kind of gate a reason of its own", () => {
    const steps = [planFor(untouchedWorld(stack), "a"), planFor(withContents(first, { code: "code 2" }), "b")].flatMap(
      (plan) => plan.steps,
    );
    const reasons = new Map(steps.flatMap((step) => (step.kind === "gate" ? [[step.gate, step.reason]] : [])));
    expect(new Set(reasons.values()).size).toBe(5);
  });

  test("of a run's size registers for runs and their location, and rolls that", () => {
    const larger = dealFlow((text) =>
      text.replace(
        "runs: { image: code, size: { cpu: 512, memory: 2048 } }",
        "runs: { image: code, size: { cpu: 1024, memory: 4096 } }",
      ),
    );
    expect(idsOf(planFor(first, "b", larger))).toEqual([
      "register/run/DealFlow",
      "register/service/code",
      "roll/code",
      "gate/location/DealFlow",
      "gate/state/DealFlow",
      "gate/canary/DealFlow",
    ]);
  });

  test("leaves the count of what is scaled to whatever scales it, on the way back too", () => {
    const scaled = dealFlow((text) =>
      text.replace("webserver: { kind: webserver,", "webserver: { kind: webserver, scaling: { min: 1, max: 4 },"),
    );
    const plan = planFor(withContents(first, { host: "host 2" }), "b", scaled);
    const rollOf = (key: string) => plan.steps.find(({ id }) => id === `roll/${key}`);
    expect(rollOf("webserver")).toMatchObject({ count: null, undo: { count: null } });
    expect(rollOf("daemon")).toMatchObject({ count: null, undo: { count: 1 } });
  });

  test("starts what is scaled with the first release: with no task there is nothing by which it would be", () => {
    const scaled = dealFlow((text) =>
      text.replace("webserver: { kind: webserver,", "webserver: { kind: webserver, scaling: { min: 2, max: 4 },"),
    );
    const roll = planFor(untouchedWorld(scaled), "a", scaled).steps.find(({ id }) => id === "roll/webserver");
    expect(roll).toMatchObject({ count: 2 });
  });

  test("takes each service back to what it ran", () => {
    const plan = planFor(withContents(first, { code: "code 2" }), "b");
    const roll = plan.steps.find(({ id }) => id === "roll/code");
    expect(roll?.undo).toEqual({
      kind: "roll",
      service: "deal-flow-code",
      to: { family: "dealflow-deal_flow_code", revision: 1 },
      count: 1,
    });
  });

  test("that brings back what was released before builds nothing", () => {
    const second = released(withContents(first, { code: "code 2" }), "b");
    const third = withContents(second, {});
    expect(idsOf(planFor(third, "c"))).toEqual([]);
  });
});

describe("what was done by hand, or half, is seen", () => {
  const changed = (change: Parameters<typeof serviceOf>[3], count = 1): World => ({
    ...first,
    observation: {
      ...first.observation,
      services: {
        ...first.observation.services,
        code: serviceOf("deal-flow-code", { family: "dealflow-deal_flow_code", revision: 1 }, count, change),
      },
    },
  });

  test("a service that somebody stopped is started again", () => {
    const roll = planFor(changed({}, 0), "b").steps.find(({ id }) => id === "roll/code");
    expect(roll).toMatchObject({ kind: "roll", count: 1, reason: "nothing runs yet" });
  });

  test("a deployment under way is waited for", () => {
    expect(idsOf(planFor(changed({ runningCount: 0 }), "b"))).toContain("roll/code");
  });

  test("another revision is replaced by the release's", () => {
    expect(idsOf(planFor(changed({ revision: { family: "somebody", revision: 9 } }), "b"))).toContain("roll/code");
  });

  test("a service that does not exist is an error, at its place in the file", () => {
    const world = {
      ...first,
      observation: { ...first.observation, services: { ...first.observation.services, daemon: null } },
    };
    expect(planFor(world, "b").findings).toContainEqual(
      expect.objectContaining({
        id: "service-missing",
        level: "error",
        where: expect.objectContaining({ file: "dagster-stack.yml" }) as unknown,
      }),
    );
  });

  test("a daemon that would overlap is an error", () => {
    const rollout = {
      minimumHealthyPercent: 100,
      maximumPercent: 200,
      breaker: { rollback: true, threshold: usualThreshold },
      alarmsRollBack: false,
      cleansUpLater: false,
      strategy: "ROLLING",
      hooks: 0,
      bakeMinutes: 0,
    };
    const daemon = serviceOf("deal-flow-daemon", { family: "dealflow-dagster_daemon", revision: 1 }, 1, { rollout });
    const world = {
      ...first,
      observation: { ...first.observation, services: { ...first.observation.services, daemon } },
    };
    expect(planFor(world, "b").findings).toContainEqual(
      expect.objectContaining({ id: "daemon-overlaps", level: "error" }),
    );
  });

  test.each([
    ["is set to one at a time before it is rolled, with `rollout: apply`", "apply", null],
    ["is the infrastructure's to set when CloudFormation has made its service", "apply", "network"],
    ["is the infrastructure's to set unless told", "keep", null],
  ])("a daemon that would overlap %s", (_, choice, cloudFormationStack) => {
    const stackOf = dealFlow((text) => text.replace("{ kind: daemon,", `{ kind: daemon, rollout: ${choice},`));
    const { rollout } = serviceOf("", { family: "", revision: 1 }, 1);
    const daemon = serviceOf("deal-flow-daemon", { family: "dealflow-dagster_daemon", revision: 1 }, 1, {
      rollout: { ...rollout, minimumHealthyPercent: 100, maximumPercent: 200, breaker: null },
      cloudFormationStack,
    });
    const world = untouchedWorld(stackOf);
    const observation = { ...world.observation, services: { ...world.observation.services, daemon } };
    const { steps, findings } = planRelease(stackOf, observation, begin(world, shaOf("b")));
    const isSet = choice === "apply" && cloudFormationStack === null;
    expect(findings.some(({ id }) => id === "daemon-overlaps")).toBe(!isSet);
    expect(steps.filter(({ kind }) => kind === "settings")).toEqual(
      !isSet
        ? []
        : [
            expect.objectContaining({
              id: "settings/daemon",
              from: { minimumHealthyPercent: 100, maximumPercent: 200, breaker: "off" },
              to: { minimumHealthyPercent: 0, maximumPercent: 100, breaker: "rolls-back" },
              undo: expect.objectContaining({ kind: "settings" }) as unknown,
            }),
          ],
    );
    if (isSet) expect(steps.find(({ id }) => id === "roll/daemon")?.after).toContain("settings/daemon");
  });

  test("two migrations of one image with different settings are an error: they would share a definition", () => {
    const again = (more: string): Stack =>
      dealFlow((text) =>
        text.replace(
          "  - { name: instance, tool: dagster, image: host }",
          `  - { name: second, tool: alembic, image: code, workdir: /app/second${more} }`,
        ),
      );
    const idsFor = (other: Stack): readonly string[] =>
      planRelease(other, untouchedWorld(other).observation, begin(first, shaOf("a"))).findings.map(({ id }) => id);
    expect(idsFor(again(""))).not.toContain("migrations-differ");
    expect(idsFor(again(", like-service: webserver"))).toContain("migrations-differ");
  });

  const noBreaker = (level: string): unknown => expect.objectContaining({ id: "no-breaker", level });
  const without = { ...serviceOf("", { family: "", revision: 1 }, 1).rollout, breaker: null };

  test.each([
    ["no circuit breaker", without],
    ["one that takes nothing back", { ...without, breaker: { rollback: false, threshold: usualThreshold } }],
  ])("a service with %s is an error where it is rolled, unless it is ours to set", (_, rollout) => {
    const world = withContents(changed({ rollout }), { code: "code 2" });
    expect(planFor(world, "b").findings).toContainEqual(noBreaker("error"));
  });

  test("nothing is stopped for the circuit breaker of a service that stays as it is", () => {
    const daemon = serviceOf(
      "daemon",
      first.observation.services["daemon"]?.revision ?? { family: "", revision: 1 },
      1,
    );
    const services = { ...first.observation.services, daemon: { ...daemon, rollout: without } };
    const world: World = { ...first, observation: { ...first.observation, services } };
    const levels = (plan: Plan): readonly string[] =>
      plan.findings.flatMap(({ id, level }) => (id === "no-breaker" ? [level] : []));
    const ofCode = planFor(withContents(world, { code: "code 2" }), "b");
    expect(idsOf(ofCode)).toContain("roll/code");
    expect(levels(ofCode)).toEqual(["warning"]);
    expect(levels(planFor(withContents(world, { host: "host 2" }), "b"))).toEqual(["error"]);
  });

  test("what shifts traffic in stages has no such breaker: that is a warning", () => {
    const rollout = { ...without, strategy: "BLUE_GREEN" };
    const world = withContents(changed({ rollout }), { code: "code 2" });
    expect(planFor(world, "b").findings).toContainEqual(noBreaker("warning"));
  });

  test("going back is not held up by a circuit breaker that somebody has switched off", () => {
    const { observation } = changed({ rollout: without });
    const found = checkServices(dealFlow(), observation, new Set()).filter(({ id }) => id === "no-breaker");
    expect(found).toEqual([noBreaker("warning")]);
  });
});

describe("whatever happened before", () => {
  /** Commits that change some of the images, each released. */
  const histories = fc.array(
    fc.record({ code: fc.integer({ min: 1, max: 3 }), host: fc.integer({ min: 1, max: 3 }) }),
    { maxLength: 4 },
  );
  const after = (history: readonly { code: number; host: number }[]): World =>
    history.reduce(
      (world, { code, host }, index) =>
        released(withContents(world, { code: `code ${code}`, host: `host ${host}` }), "bcdef"[index]),
      first,
    );

  test("once a plan is carried out, nothing is left to do", () => {
    fc.assert(fc.property(histories, (history) => expect(idsOf(planFor(after(history), "0"))).toEqual([])));
  });

  test("the same world gives the same plan, whenever it is asked", () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 1, max: 3 }), (history, code) => {
        const world = withContents(after(history), { code: `code ${code}` });
        const [now, later] = ["2026-11-21T10:00:00Z", "2027-01-01T00:00:00Z"].map((at) =>
          planRelease(stack, world.observation, begin(world, shaOf("0"), Date.parse(at))),
        );
        expect(planHash(now as Plan)).toBe(planHash(later as Plan));
      }),
    );
  });

  test("a plan is the same by its hash before its images are made, and after", () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), (history, code, host) => {
        const world = withContents(after(history), { code: `code ${code}`, host: `host ${host}` });
        const before = planFor(world, "0");
        const later = planFor(withImagesMade(world), "0");
        expect(later.steps.map(({ kind }) => kind)).not.toContain("image");
        expect(planHash(later)).toBe(planHash(before));
      }),
    );
  });

  test("each part of a plan needs earlier parts only, so that four actions can carry it out in turn", () => {
    const order = ["images", "migrations", "definitions", "rollout"];
    fc.assert(
      fc.property(histories, fc.integer({ min: 1, max: 3 }), (history, code) => {
        const { steps } = planFor(withContents(after(history), { code: `code ${code}` }), "0");
        const partOf = new Map(steps.map(({ id, part }) => [id, order.indexOf(part)]));
        for (const { id, after: earlier } of steps)
          for (const one of earlier) expect(partOf.get(one)).toBeLessThanOrEqual(partOf.get(id) ?? -1);
      }),
    );
  });
});

describe("a rollback", () => {
  const second = released(withContents(first, { code: "code 2" }), "b");
  const target = first.observation.current;
  const plan = (
    wanted: Parameters<typeof planRollback>[4],
    images: Readonly<Record<string, boolean>> = { code: true, host: true },
  ): Plan => {
    if (target === null) throw new Error("nothing was released");
    const schema = second.observation.current?.migrations ?? {};
    return planRollback(stack, second.observation, begin(second, shaOf("a")), target, wanted, images, schema);
  };
  const definition = (revision: number, active = true) => ({
    revision: { family: "dealflow-deal_flow_code", revision },
    arn: `arn:aws:ecs:eu-central-1:123456789012:task-definition/dealflow-deal_flow_code:${revision}`,
    active,
    contentHash: null,
    madeFor: null,
    content: {},
  });
  const known = Object.fromEntries(
    Object.entries(second.observation.definitions).map(([key, { running }]) => [key, running]),
  );
  const wanted = { ...known, "service/code": definition(1) };

  test("rolls to the very revision of that release, through the same gates, and does nothing else", () => {
    expect(idsOf(plan(wanted))).toEqual([
      "roll/code",
      "gate/location/DealFlow",
      "gate/state/DealFlow",
      "gate/canary/DealFlow",
    ]);
    expect(plan(wanted).steps[0]).toMatchObject({
      to: definition(1).arn,
      from: { family: "dealflow-deal_flow_code", revision: 2 },
    });
    expect(plan(wanted).target.images).toEqual(target?.images);
  });

  test("keeps what the newest release did to the database, and says so", () => {
    const left = Object.entries(second.observation.current?.migrations ?? {});
    const none = left.map(([name, part]) => [name, { ...part, state: "none" }]);
    const older = first.observation.current?.migrations["application"]?.contentKey;
    const { application, ...others } = Object.fromEntries(none) as Release["migrations"];
    expect(plan(wanted).target.migrations).toEqual({ ...others, application: { ...application, runsOlder: older } });
    expect(plan(wanted).findings).toContainEqual(expect.objectContaining({ id: "rollback-schema", level: "warning" }));
  });

  test("registers a definition anew that was deregistered, and rolls to that", () => {
    const { steps } = plan({ ...known, "service/code": definition(1, false) });
    expect(steps[0]).toMatchObject({
      id: "register/service/code",
      reason: expect.stringContaining("deregistered") as unknown,
    });
    expect(steps[1]).toMatchObject({
      id: "roll/code",
      to: { pending: [{ step: "register/service/code", field: "arn" }] },
    });
  });

  test.each<[string, Parameters<typeof plan>, string]>([
    ["an image that is gone", [wanted, { code: false, host: true }], "rollback-image-gone"],
    ["a definition that was deleted", [{ ...known, "service/code": null }], "rollback-definition-gone"],
  ])("is refused for %s, with what to do", (_, given, id) => {
    expect(plan(...given).findings).toContainEqual(
      expect.objectContaining({ id, level: "error", fix: expect.stringContaining("Check out that commit") as unknown }),
    );
  });
});
