import type { ServiceObservation } from "../../../src/deployments/index.ts";
import type { Json } from "../../../src/domain/json.ts";
import type { Release } from "../../../src/domain/release.ts";
import { checkServices } from "../../../src/releases/checks.ts";
import { driftOf, ownershipFindings, showDrift } from "../../../src/releases/drift.ts";
import { planRelease } from "../../../src/releases/plan.ts";
import { compareDefinitions } from "../../../src/task-definitions/compare.ts";
import { begin, carriedOut, dealFlow, serviceOf, shaOf, untouchedWorld, withImagesMade, type World } from "./world.ts";

const stack = dealFlow();
const start = withImagesMade(untouchedWorld(stack));
const released = carriedOut(stack, start, planRelease(stack, start.observation, begin(start, shaOf("a"))));
const { observation } = released;

const pinned = (key: string) => {
  const definition = observation.current?.taskDefinitions[`service/${key}`];
  if (definition === undefined) throw new Error(`nothing is released of ${key}`);
  return definition;
};
/** The world with one service as somebody has made it. */
const withService = (key: string, change: Partial<ServiceObservation>): World["observation"] => {
  const name = stack.services[key]?.service ?? key;
  const { desiredCount = 1, runningCount = desiredCount } = change;
  const service = serviceOf(name, pinned(key), desiredCount, { runningCount, ...change });
  const before = { service: name, taskDefinition: service.revision, desiredCount };
  return {
    ...observation,
    services: { ...observation.services, [key]: service },
    before: { ...observation.before, [key]: before },
  };
};
const foreign = { family: "by-hand", revision: 7 };
const rollout = (minimumHealthyPercent: number, maximumPercent: number): ServiceObservation["rollout"] => ({
  ...serviceOf("any", { family: "any", revision: 1 }, 1).rollout,
  minimumHealthyPercent,
  maximumPercent,
});

test("what was released, and is left alone, has not drifted", () => {
  expect(driftOf(stack, observation)).toEqual([]);
});

test.each<[string, string, Partial<ServiceObservation>, readonly string[]]>([
  ["no task", "webserver", { desiredCount: 0 }, ["webserver is scaled to 0"]],
  ["a task too few", "webserver", { desiredCount: 2, runningCount: 1 }, ["webserver has 1 of 2 tasks"]],
  ["two daemons", "daemon", { desiredCount: 2 }, ["daemon is scaled to 2: every schedule ticks 2 times"]],
  ["more webservers, which the infrastructure may want", "webserver", { desiredCount: 3 }, []],
  [
    "a daemon that may overlap",
    "daemon",
    { rollout: rollout(100, 200) },
    ["daemon may run twice at once while it is replaced (percentages 100/200)"],
  ],
  ["a webserver that may overlap", "webserver", { rollout: rollout(100, 200) }, []],
  ["a service that is going away", "code", { status: "DRAINING" }, ["code does not exist any more"]],
])("%s", (_, key, change, said) => {
  expect(driftOf(stack, withService(key, change)).map(showDrift)).toEqual(said);
});

describe("a webserver that is scaled by something else", () => {
  const scaled = dealFlow((text) =>
    text.replace("webserver: { kind: webserver,", "webserver: { kind: webserver, scaling: { min: 1, max: 4 },"),
  );

  test.each([0, 1, 4])("may be at %i", (desiredCount) => {
    expect(scaled.services["webserver"]).toMatchObject({ scaling: { max: 4 } });
    expect(driftOf(scaled, withService("webserver", { desiredCount }))).toEqual([]);
  });

  test("has drifted when none of its tasks runs", () => {
    const off = withService("webserver", { desiredCount: 2, runningCount: 0 });
    expect(driftOf(scaled, off).map(showDrift)).toEqual(["webserver has 0 of 2 tasks"]);
  });
});

describe("a definition that somebody else has registered", () => {
  const known = observation.definitions["service/code"]?.running;
  if (known === null || known === undefined) throw new Error("the code server runs nothing");
  type Container = { readonly [key: string]: Json };
  const [container] = known.content["containerDefinitions"] as readonly [Container];
  const told = (change: Container, members: Container = {}): string => {
    const content = { ...known.content, ...members, containerDefinitions: [{ ...container, ...change }] };
    const running = { ...known, revision: foreign, contentHash: null, content };
    const now = withService("code", { revision: foreign });
    const definitions = {
      ...now.definitions,
      "service/code": { running, former: null, newest: running, released: known },
    };
    return driftOf(stack, { ...now, definitions })
      .map(showDrift)
      .join("\n");
  };
  const environment = container["environment"] as readonly { readonly name: string; readonly value: string }[];
  const name = container["name"] as string;

  test.each<[string, Container, Container, string]>([
    ["an image", { image: "elsewhere/app:latest" }, {}, `image of container ${name}`],
    [
      "a variable that came, one that went, and no value of either",
      { environment: [...environment.slice(1), { name: "TOKEN", value: "hunter2" }] },
      {},
      `variable ${[environment[0]?.name ?? "", "TOKEN"].sort().join(", variable ")}`,
    ],
    ["its size", {}, { cpu: "4096" }, "cpu"],
    [
      "a name that could be a line of its own",
      { environment: [...environment, { name: "A\n::error::B", value: "x" }] },
      {},
      "something whose name is not shown",
    ],
  ])("is told by what differs: %s", (_, change, members, what) => {
    const revision = `${pinned("code").family}:${pinned("code").revision}`;
    const text = told(change, members);
    expect(text).toBe(`code runs by-hand:7 instead of ${revision}, which differs in ${what}`);
    expect(text).not.toMatch(/hunter2|latest/);
  });

  test("and says the same is told as such", () => {
    expect(told({})).toMatch(/, which says the same$/);
  });

  test("and differs in everything is told in part", () => {
    const many = Array.from({ length: 30 }, (_, at) => ({ name: `V${at}`, value: "x" }));
    const differing = compareDefinitions(known.content, {
      ...known.content,
      containerDefinitions: [{ ...container, environment: [...environment, ...many] }],
    });
    expect(differing).toHaveLength(30);
    expect(told({ environment: [...environment, ...many] })).toMatch(/ and 20 more$/);
  });
});

describe("a contract", () => {
  const madeUnder = (contract: number | null): World["observation"] => {
    if (observation.current === null) throw new Error("nothing is released");
    const current: Release = { ...observation.current, contract };
    return { ...observation, current };
  };

  test("of another version is drift of the stack as a whole, and a notice of the plan", () => {
    expect(stack.contract.version).toBe(1);
    expect(driftOf(stack, madeUnder(0)).map(showDrift)).toEqual([
      "the stack was released under version 0 of its contract, and the infrastructure is at version 1",
    ]);
    expect(checkServices(stack, madeUnder(0), new Set())).toEqual([
      expect.objectContaining({ id: "drift", level: "notice" }),
    ]);
  });

  test.each([1, null])("of version %p is none", (version) => {
    expect(driftOf(stack, madeUnder(version))).toEqual([]);
  });
});

test("what a release that was cut has moved is told as that, whatever is current", () => {
  const moved = withService("code", { revision: foreign });
  const before = { ...moved.before, code: { service: "x", taskDefinition: pinned("code"), desiredCount: 1 } };
  for (const current of [observation.current, null]) {
    const [drift, ...others] = driftOf(stack, { ...moved, before, current });
    expect(others).toEqual([]);
    expect(drift).toMatchObject({ kind: "unfinished", what: expect.stringContaining("runs by-hand:7") as unknown });
  }
});

test("what CloudFormation has put back is told as its doing, with the way to end that", () => {
  const put = withService("code", { revision: foreign, cloudFormationStack: "Dagster-Prod" });
  expect(driftOf(stack, put)).toEqual([
    expect.objectContaining({
      kind: "revision",
      what: expect.stringMatching(
        /^runs by-hand:7 instead of .*; it belongs to the CloudFormation stack Dagster-Prod, whose deploy/,
      ) as unknown,
      remedy: expect.stringContaining("retire that stack") as unknown,
    }),
  ]);
});

describe("a plan", () => {
  test("brings two daemons back to one", () => {
    const plan = planRelease(stack, withService("daemon", { desiredCount: 2 }), begin(released, shaOf("a")));
    expect(plan.steps.find(({ id }) => id === "roll/daemon")).toMatchObject({
      count: 1,
      reason: "two daemons tick every schedule twice",
    });
    expect(plan.findings).toContainEqual(expect.objectContaining({ id: "drift", level: "warning" }));
  });

  test("does nothing about a service of CloudFormation, and says what that will do", () => {
    const owned = withService("code", { cloudFormationStack: "Dagster-Prod" });
    expect(planRelease(stack, owned, begin(released, shaOf("a"))).steps).toEqual([]);
    expect(driftOf(stack, owned)).toEqual([]);
    expect(ownershipFindings(stack, owned.services)).toEqual([
      expect.objectContaining({
        id: "owned-by-cloudformation",
        level: "warning",
        what: expect.stringContaining("the CloudFormation stack Dagster-Prod") as unknown,
      }),
    ]);
  });
});
