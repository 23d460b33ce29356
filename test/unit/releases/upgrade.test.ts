import { inOrder, type Plan, type Step } from "../../../src/domain/plan.ts";
import { planRelease, planRollback } from "../../../src/releases/plan.ts";
import type { Stack } from "../../../src/stack/index.ts";
import { begin, carriedOut, dealFlow, serviceOf, shaOf, untouchedWorld, type World, withContents } from "./world.ts";

const stack = dealFlow();
const planFor = (world: World, sha = "b", of: Stack = stack): Plan =>
  planRelease(of, world.observation, begin(world, shaOf(sha)));
const contents = (dagster: string | null, number = 1) => {
  const version = dagster === null ? "" : `, dagster ${dagster}`;
  return { host: `host ${number}${version}`, code: `code ${number}${version}` };
};
const releasedWith = (dagster: string | null, of: Stack = stack): World => {
  const world = withContents(untouchedWorld(of), contents(dagster));
  return carriedOut(of, world, planFor(world, "a", of));
};
const idsOf = ({ steps }: Pick<Plan, "steps">): readonly string[] => inOrder(steps).map(({ id }) => id);
const step = (plan: Plan, id: string): Step | undefined => plan.steps.find((one) => one.id === id);

function isBefore(plan: Plan, earlier: string, later: string): boolean {
  const reach = (one: Step | undefined): boolean =>
    one !== undefined && one.after.some((id) => id === earlier || reach(step(plan, id)));
  return step(plan, earlier) !== undefined && reach(step(plan, later));
}

const first = releasedWith("1.12.9");
const upgrade = planFor(withContents(first, contents("1.13.0", 2)));

describe("when Dagster's minor version rises", () => {
  test.each([
    ["migrate/application", "stop/daemon"],
    ["register/once/host", "stop/daemon"],
    ["stop/daemon", "stop/webserver"],
    ["stop/webserver", "migrate/instance"],
    ["migrate/instance", "register/service/daemon"],
    ["register/service/code", "roll/daemon"],
    ["roll/daemon", "roll/webserver"],
    ["roll/webserver", "gate/webserver/webserver"],
    ["gate/webserver/webserver", "gate/daemon/daemon"],
    ["gate/daemon/daemon", "roll/code"],
    ["roll/code", "gate/location/DealFlow"],
    ["gate/location/DealFlow", "gate/canary/DealFlow"],
  ])("%s comes before %s", (earlier, later) => expect(isBefore(upgrade, earlier, later)).toBe(true));

  test("other migrations come before it, in whichever order the stack file lists them: nothing is down for them", () => {
    const reversed = { ...stack, migrations: stack.migrations.toReversed() };
    const plan = planFor(withContents(releasedWith("1.12.9", reversed), contents("1.13.0", 2)), "b", reversed);
    expect(reversed.migrations.map(({ name }) => name)).toEqual(["instance", "application"]);
    expect(isBefore(plan, "migrate/application", "stop/daemon")).toBe(true);
    expect(isBefore(plan, "stop/webserver", "migrate/instance")).toBe(true);
  });

  test("hosts that are stopped get their counts again, on the way and on the way back", () => {
    const scaled = dealFlow((text) =>
      text.replace("webserver: { kind: webserver,", "webserver: { kind: webserver, scaling: { min: 1, max: 4 },"),
    );
    const world = releasedWith("1.12.9", scaled);
    const webserver = serviceOf("deal-flow-webserver", { family: "dealflow-dagster_webserver", revision: 1 }, 3);
    const services = { ...world.observation.services, webserver };
    const before = {
      ...world.observation.before,
      webserver: { service: webserver.name, taskDefinition: webserver.revision, desiredCount: 3 },
    };
    const plan = planFor(
      withContents({ ...world, observation: { ...world.observation, services, before } }, contents("1.13.0", 2)),
      "b",
      scaled,
    );
    expect(step(plan, "roll/webserver")).toMatchObject({ count: 3, undo: { count: 3 } });
    expect(step(plan, "stop/webserver")).toMatchObject({ undo: { kind: "roll", count: 3, to: webserver.revision } });
    expect(step(plan, "roll/daemon")).toMatchObject({ count: 1, undo: { count: 1 } });
    expect(step(plan, "roll/code")).toMatchObject({ count: null });
  });

  test("the stops belong to the part of the migrations: whoever migrates has stopped them", () => {
    expect([step(upgrade, "stop/daemon")?.part, step(upgrade, "stop/webserver")?.part]).toEqual([
      "migrations",
      "migrations",
    ]);
  });

  test("once it is carried out nothing is left to do", () => {
    const world = carriedOut(stack, withContents(first, contents("1.13.0", 2)), upgrade);
    expect(idsOf(planFor(world, "c"))).toEqual([]);
  });

  test("a major version counts, and a tenth minor is newer than a ninth", () => {
    for (const [from, to] of [
      ["1.13.0", "2.0.1"],
      ["1.9.9", "1.10.0"],
    ] as const)
      expect(idsOf(planFor(withContents(releasedWith(from), contents(to, 2))))).toContain("stop/daemon");
  });

  test("without a migration of Dagster nothing is stopped, hosts still go first, and a warning says what is missing", () => {
    const unmigrated = dealFlow((text) => text.replace("  - { name: instance, tool: dagster, image: host }\n", ""));
    const plan = planFor(withContents(releasedWith("1.12.9", unmigrated), contents("1.13.0", 2)), "b", unmigrated);
    expect(plan.steps.filter(({ kind }) => kind === "stop")).toEqual([]);
    expect(isBefore(plan, "gate/webserver/webserver", "roll/code")).toBe(true);
    expect(plan.findings).toContainEqual(expect.objectContaining({ id: "dagster-not-migrated", level: "warning" }));
  });

  describe("and the release was cut", () => {
    const cutAfter = (id: string): World => {
      const steps = inOrder(upgrade.steps);
      const done = steps.slice(0, steps.findIndex((one) => one.id === id) + 1);
      const world = carriedOut(stack, withContents(first, contents("1.13.0", 2)), { ...upgrade, steps: done });
      // Nothing was committed, and the intent has what was before.
      const { current, before, keepable } = first.observation;
      return withContents(
        { ...world, observation: { ...world.observation, current, before, keepable } },
        contents("1.13.0", 2),
      );
    };

    test("with both hosts stopped: they are not stopped again, go first, and get their counts", () => {
      const plan = planFor(cutAfter("stop/webserver"));
      expect(plan.steps.filter(({ kind }) => kind === "stop")).toEqual([]);
      expect(isBefore(plan, "migrate/instance", "roll/daemon")).toBe(true);
      expect(step(plan, "roll/webserver")).toMatchObject({ count: 1, undo: { count: 1 } });
      expect(plan.moved.map(({ service }) => service)).toEqual(["webserver", "daemon"]);
    });

    test("and the next commit has the old version again: they get their former counts and definitions", () => {
      const world = withContents(cutAfter("stop/webserver"), contents("1.12.9", 1));
      expect(idsOf(planFor(world))).toEqual([
        "roll/daemon",
        "roll/webserver",
        "gate/webserver/webserver",
        "gate/location/DealFlow",
        "gate/daemon/daemon",
        "gate/canary/DealFlow",
      ]);
    });
  });
});

describe("when it does not rise", () => {
  test.each([
    ["a patch", "1.12.9", "1.12.10"],
    ["nothing", "1.12.9", "1.12.9"],
    ["a minor version back", "1.13.0", "1.12.9"],
  ])("%s stops nothing, and code goes first", (_, from, to) => {
    const plan = planFor(withContents(releasedWith(from), contents(to, 2)));
    expect(plan.steps.filter(({ kind }) => kind === "stop")).toEqual([]);
    expect(isBefore(plan, "gate/location/DealFlow", "roll/daemon")).toBe(true);
    expect(plan.findings.map(({ id }) => id)).not.toContain("dagster-version-unknown");
  });

  test.each([
    ["before", null, "1.13.0"],
    ["after", "1.13.0", null],
  ])("what is not known %s cannot be compared, and the plan says so", (_, from, to) => {
    const plan = planFor(withContents(releasedWith(from), contents(to, 2)));
    expect(plan.steps.filter(({ kind }) => kind === "stop")).toEqual([]);
    expect(plan.findings).toContainEqual(
      expect.objectContaining({
        id: "dagster-version-unknown",
        level: "notice",
        what: expect.stringContaining("daemon and webserver") as unknown,
      }),
    );
  });

  test("nothing is said of versions by a release that leaves the hosts alone, or is the first", () => {
    const ids = (plan: Plan): readonly string[] => plan.findings.map(({ id }) => id);
    expect(ids(planFor(untouchedWorld(stack), "a"))).not.toContain("dagster-version-unknown");
    const world = withContents(releasedWith(null), { code: "code 2" });
    expect(ids(planFor(world))).not.toContain("dagster-version-unknown");
  });
});

describe("a rollback across minor versions", () => {
  const second = carriedOut(stack, withContents(first, contents("1.13.0", 2)), upgrade);
  const wantedOf = ({ observation }: World) =>
    Object.fromEntries(Object.entries(observation.definitions).map(([key, { running }]) => [key, running]));
  const rollback = (from: World, to: World): Plan => {
    const target = to.observation.current;
    if (target === null) throw new Error("nothing was released");
    const there = { code: true, host: true };
    return planRollback(stack, from.observation, begin(from, shaOf("a")), target, wantedOf(to), there, {});
  };

  test("to the older one rolls code first, then hosts", () => {
    const plan = rollback(second, first);
    expect(isBefore(plan, "gate/location/DealFlow", "roll/daemon")).toBe(true);
    expect(plan.steps.filter(({ kind }) => kind === "stop")).toEqual([]);
  });

  test("to the newer one rolls hosts first, then code", () => {
    const third = carriedOut(stack, second, rollback(second, first));
    const plan = rollback(third, second);
    expect(isBefore(plan, "gate/webserver/webserver", "roll/code")).toBe(true);
  });
});

describe("gates of a first release", () => {
  const second = `  second: { kind: code-location, image: code, location: Second, module: app.main, address: second.deal_flow.local, port: 4001 }\n`;
  const spare = `  spare: { kind: webserver, image: host, url: "http://spare:3000", port: 3001 }\n`;
  const canary = "gate/canary/DealFlow";

  test.each<[string, (text: string) => string, readonly string[]]>([
    [
      "of several locations wait for the webserver, all side by side",
      (text) => text.replace("  daemon: {", `${second}  daemon: {`),
      ["gate/location/DealFlow", "gate/location/Second", "gate/daemon/daemon"],
    ],
    [
      "wait for every webserver",
      (text) => text.replace("  daemon: {", `${spare}  daemon: {`),
      ["gate/location/DealFlow", "gate/daemon/daemon"],
    ],
    [
      "without a daemon are those of locations",
      (text) => text.replace(/ {2}daemon: \{.*\n/, "").replace(/ {6}daemon: \{ container.*\n/, ""),
      ["gate/location/DealFlow"],
    ],
  ])("%s", (_, change, late) => {
    const changed = dealFlow(change);
    const plan = planFor(untouchedWorld(changed), "a", changed);
    const webservers = plan.steps.flatMap((one) => (one.kind === "gate" && one.gate === "webserver" ? [one.id] : []));
    const gates = plan.steps.flatMap((one) => (one.kind === "gate" ? [one.id] : []));
    expect([...gates].sort()).toEqual([...webservers, ...late, canary].sort());
    for (const gate of late) {
      for (const webserver of webservers) expect(isBefore(plan, webserver, gate)).toBe(true);
      for (const other of late) expect(isBefore(plan, other, gate)).toBe(false);
      expect(isBefore(plan, gate, canary)).toBe(true);
    }
    const code = plan.steps.flatMap((one) =>
      one.kind === "roll" && changed.services[one.service]?.kind === "code-location" ? [one.id] : [],
    );
    for (const one of code) for (const other of code) expect(isBefore(plan, one, other)).toBe(false);
  });
});

describe("a release of one host only, of which each has an image of its own", () => {
  const each = dealFlow((text) =>
    text
      .replace(/( {2}host:\n(?: {4}.*\n)+)/, (host) => host + host.replace("  host:", "  web:"))
      .replace("kind: webserver, image: host", "kind: webserver, image: web")
      .replace("tool: dagster, image: host", "tool: dagster, image: web")
      .replace(/^ {6}host: .*\n/m, (host) => host + host.replace("host:", "web:")),
  );
  const of = (version: string) => ({ ...contents(version), web: `web, dagster ${version}` });
  const world = withContents(untouchedWorld(each), of("1.12.9"));
  const released = withContents(carriedOut(each, world, planFor(world, "a", each)), of("1.13.0"));
  const findings = (only: string[], now: World): readonly string[] =>
    planRelease(each, now.observation, { ...begin(now, shaOf("b")), only }).findings.flatMap(({ id, level, what }) =>
      id === "host-left-running" ? [`${level}: ${what}`] : [],
    );

  test("is an error while the other one would write to the database that is migrated", () => {
    expect(findings(["webserver"], released)).toEqual([
      expect.stringContaining(
        "error: Dagster goes from 1.12.9 to 1.13.0, and its database is migrated; daemon is not named",
      ),
    ]);
  });

  test("is none when the other one is named too, or runs nothing", () => {
    expect(findings(["webserver", "daemon"], released)).toEqual([]);
    const daemon = serviceOf("deal-flow-daemon", { family: "dealflow-dagster_daemon", revision: 1 }, 0);
    const services = { ...released.observation.services, daemon };
    expect(findings(["webserver"], { ...released, observation: { ...released.observation, services } })).toEqual([]);
  });
});
