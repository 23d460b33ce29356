import { isPending, type Later, type LaterJson } from "../../../../src/domain/later.ts";
import { inOrder, type Plan } from "../../../../src/domain/plan.ts";
import { beforeOf } from "../../../../src/releases/observe/services.ts";
import { planRelease } from "../../../../src/releases/plan.ts";
import type { Stack } from "../../../../src/stack/index.ts";
import { begin, carriedOut, dealFlow, serviceOf, shaOf, untouchedWorld, type World, withContents } from "../world.ts";

/** The example without its code server: daemon and webserver load these locations, from the code's image. */
function hosts(locations: string, runs = "runs: { image: code, size: { cpu: 512, memory: 2048 } }"): Stack {
  return dealFlow((text) =>
    text
      .replace(/^ {2}code:\n {4}kind: code-location\n(?: {4}.*\n)+/m, "")
      .replace("      code: { container: code }\n", "")
      .replaceAll(/kind: (daemon|webserver), image: host,/g, `kind: $1, image: code, locations: [${locations}],`)
      .replace(/^runs: .*$/m, runs)
      .replace(
        "        - { from: docker/dagster.yaml, to: /opt/dagster/dagster.yaml }\n",
        "        - { from: docker/dagster.yaml, to: /opt/dagster/dagster.yaml }\n        - { from: docker/workspace.yaml, to: /opt/dagster/workspace.yaml }\n",
      )
      .replace("location: DealFlow,", `location: ${locations.split(",")[0] ?? ""},`),
  );
}

const inProcess = "runs: { launcher: in-process, drain-minutes: 20 }";
const planFor = (stack: Stack, world: World, sha = "a"): Plan =>
  planRelease(stack, world.observation, begin(world, shaOf(sha)));
const idsOf = (plan: Plan): readonly string[] => inOrder(plan.steps).map(({ id }) => id);
const rolloutOf = ({ steps }: Plan): readonly string[] =>
  inOrder(
    steps.filter(({ part }) => part === "rollout").map((step) => ({ ...step, after: within(step.after, steps) })),
  ).map(({ id }) => id);
const within = (after: readonly string[], steps: Plan["steps"]): readonly string[] =>
  after.filter((id) => steps.some((step) => step.id === id && step.part === "rollout"));

function released(stack: Stack): World {
  const world = untouchedWorld(stack);
  return carriedOut(stack, world, planFor(stack, world));
}

/** A plain variable of the container that is registered for a service. */
function variable({ steps }: Plan, service: string, name: string): Later | undefined {
  const step = steps.find(({ id }) => id === `register/service/${service}`);
  if (step?.kind !== "register") throw new Error(`${service} is not registered`);
  const { containerDefinitions } = step.content as unknown as {
    readonly containerDefinitions: readonly [{ readonly environment: readonly { name: string; value: LaterJson }[] }];
  };
  return containerDefinitions[0].environment.find((one) => one.name === name)?.value as Later | undefined;
}

describe("Hosts that load their code", () => {
  const stack = hosts("DealFlow, Other");

  test("are asked for it last on a first release, once the webserver answers; each location by itself", () => {
    expect(rolloutOf(planFor(stack, untouchedWorld(stack)))).toEqual([
      "roll/daemon",
      "roll/webserver",
      "gate/webserver/webserver",
      "gate/loaded/DealFlow",
      "gate/loaded/Other",
      "gate/daemon/daemon",
      "gate/canary/DealFlow",
    ]);
  });

  test("move with their code, the daemon first", () => {
    expect(rolloutOf(planFor(stack, withContents(released(stack), { code: "code 2" }), "b"))).toEqual([
      "roll/daemon",
      "gate/daemon/daemon",
      "roll/webserver",
      "gate/webserver/webserver",
      "gate/loaded/DealFlow",
      "gate/loaded/Other",
      "gate/state/DealFlow",
      "gate/state/Other",
      "gate/canary/DealFlow",
    ]);
  });

  test("register one definition for the runs of all that they load, and name it in their environment", () => {
    const plan = planFor(stack, untouchedWorld(stack));
    expect(idsOf(plan).filter((id) => id.startsWith("register/run/"))).toEqual(["register/run/DealFlow"]);
    for (const service of ["daemon", "webserver"]) {
      const context = variable(plan, service, "DAGSTER_CONTAINER_CONTEXT");
      expect(isPending(context) ? context.pending : []).toContainEqual({ step: "register/run/DealFlow", field: "arn" });
      const image = variable(plan, service, "DAGSTER_CURRENT_IMAGE");
      expect(isPending(image) ? image.pending : []).toContainEqual({ step: "image/code", field: "digest" });
    }
  });

  test("move when the definition of their runs does", () => {
    const larger = hosts("DealFlow, Other", "runs: { image: code, size: { cpu: 1024, memory: 4096 } }");
    expect(rolloutOf(planFor(larger, released(stack), "b"))).toEqual(
      expect.arrayContaining(["roll/daemon", "roll/webserver", "gate/loaded/Other"]),
    );
  });

  test("have nothing left to do once that is done", () => {
    expect(idsOf(planFor(stack, released(stack), "b"))).toEqual([]);
  });
});

describe("Runs that live in hosts", () => {
  const stack = hosts("DealFlow", inProcess);
  const change = (world: World): Plan => planFor(stack, withContents(world, { code: "code 2" }), "b");

  test("are waited for before anything moves, after everything is registered", () => {
    const { steps } = change(released(stack));
    expect(steps.find(({ kind }) => kind === "drain")).toMatchObject({
      holders: ["daemon", "webserver"],
      minutes: 20,
      undo: { kind: "none" },
    });
    for (const { id, kind, after } of steps)
      if (kind === "roll") expect([id, after]).toEqual([id, expect.arrayContaining(["drain"])]);
    expect(rolloutOf(change(released(stack)))[0]).toBe("drain");
  });

  test("are not there on a first release: nobody waits", () => {
    expect(rolloutOf(planFor(stack, untouchedWorld(stack)))).not.toContain("drain");
  });

  test("that nobody can be asked for are a finding, and no wait", () => {
    const world = released(stack);
    const { webserver } = world.observation.services;
    if (webserver == null) throw new Error("no webserver");
    const services = { ...world.observation.services, webserver: { ...webserver, desiredCount: 0, runningCount: 0 } };
    const before = beforeOf(services, { unfinished: [] });
    const plan = change({ ...world, observation: { ...world.observation, services, before } });
    expect(rolloutOf(plan)).not.toContain("drain");
    expect(plan.findings).toContainEqual(expect.objectContaining({ id: "runs-not-awaited", level: "warning" }));
  });

  test("live in what a host replaces as well: they are waited for, or that they are ended is said", () => {
    const replacing = dealFlow((text) =>
      text
        .replace(/^runs: .*$/m, inProcess)
        .replace("kind: code-location\n", "kind: code-location\n    replaces: old\n"),
    );
    const withOld = (world: World): World => {
      const services = {
        ...world.observation.services,
        "replaced/code": serviceOf("old", { family: "old", revision: 1 }, 1),
      };
      return { ...world, observation: { ...world.observation, services } };
    };
    const later = planFor(replacing, withOld(released(replacing)), "b");
    expect(rolloutOf(later).slice(0, 2)).toEqual(["drain", "stop/replaced/old"]);
    const first = planFor(replacing, withOld(untouchedWorld(replacing)));
    expect(first.findings).toContainEqual(
      expect.objectContaining({ id: "runs-not-awaited", what: expect.stringContaining("runs in old:") as unknown }),
    );
  });

  test("are waited for before anything is stopped for a migration of Dagster's database", () => {
    const inside = hosts("DealFlow", inProcess);
    const of = (minor: number): Record<string, string> => {
      return Object.fromEntries(["code", "host"].map((key) => [key, `${key}, dagster 1.${minor}.0`]));
    };
    const world = withContents(untouchedWorld(inside), of(12));
    const plan = planFor(inside, withContents(carriedOut(inside, world, planFor(inside, world)), of(13)), "b");
    const ids = idsOf(plan).filter((id) => !id.startsWith("register/") && !id.startsWith("image/"));
    expect(ids.filter((id) => id !== "migrate/application").slice(0, 4)).toEqual([
      "drain",
      "stop/daemon",
      "stop/webserver",
      "migrate/instance",
    ]);
    expect(plan.findings.map(({ id }) => id)).not.toContain("runs-not-awaited");
    for (const stop of ["stop/daemon", "stop/webserver"])
      expect(plan.steps.find(({ id }) => id === stop)?.after).toContain("drain");
  });

  test("were waited for when a step before has stopped both hosts: nothing is said of them after the migration", () => {
    const served = dealFlow((text) => text.replace(/^runs: .*$/m, inProcess));
    const world = withContents(released(served), { code: "code 2" });
    const { observation } = world;
    const without = (...keys: readonly string[]): World => {
      const stopped = keys.flatMap((key) => {
        const one = observation.services[key] ?? null;
        return one === null ? [] : [[key, { ...one, desiredCount: 0, runningCount: 0 }] as const];
      });
      const services = { ...observation.services, ...Object.fromEntries(stopped) };
      return { ...world, observation: { ...observation, services } };
    };
    const said = (now: World): readonly string[] => planFor(served, now, "b").findings.map(({ id }) => id);
    expect(said(without("daemon", "webserver"))).not.toContain("runs-not-awaited");
    expect(said(without("webserver"))).toContain("runs-not-awaited");
  });

  test("that are tasks of their own are nothing to wait for", () => {
    const tasks = hosts("DealFlow");
    expect(rolloutOf(planFor(tasks, withContents(released(tasks), { code: "code 2" }), "b"))).not.toContain("drain");
  });

  test("that live in a code server end with that, and are waited for too", () => {
    const served = dealFlow((text) => text.replace(/^runs: .*$/m, inProcess));
    const plan = planFor(served, withContents(released(served), { code: "code 2" }), "b");
    expect(plan.steps.find(({ kind }) => kind === "drain")).toMatchObject({ holders: ["code"] });
    expect(rolloutOf(plan)).toEqual([
      "drain",
      "roll/code",
      "gate/location/DealFlow",
      "gate/state/DealFlow",
      "gate/canary/DealFlow",
    ]);
    expect(rolloutOf(planFor(served, withContents(released(served), { host: "host 2" }), "b"))).not.toContain("drain");
  });
});
