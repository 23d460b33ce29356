import { UserError } from "../../../src/domain/errors.ts";
import type { Release } from "../../../src/domain/release.ts";
import { checkShared } from "../../../src/releases/components.ts";
import { planRelease } from "../../../src/releases/plan.ts";
import { scopeOf, withBase } from "../../../src/releases/scope.ts";
import type { Definition } from "../../../src/task-definitions/definition.ts";
import type { Stack } from "../../../src/stack/index.ts";
import { begin, carriedOut, dealFlow, keyOf, shaOf, untouchedWorld, type World, withContents } from "./world.ts";

/** Two locations with an image each, hosts that share one, and migrations of code and host. */
const stack = dealFlow((text) =>
  text
    .replace(
      /^images:\n/m,
      '$&  reports: { repository: deal-flow/reports, platform: linux/amd64, layers: { base: "b:1", files: [{ from: reports, to: /app }] } }\n',
    )
    .replace(
      /^services:\n/m,
      "$&  reports: { kind: code-location, image: reports, location: Reports, module: main, address: reports.local, port: 4000 }\n",
    )
    .replace("runs: { image: code, size", "runs: { size"),
);

function within(only: readonly string[]): object {
  const scope = scopeOf(stack, [...only]);
  return {
    images: Object.keys(scope.images).sort(),
    services: Object.keys(scope.services).sort(),
    runs: scope.runs.kind === "ecs" ? Object.keys(scope.runs.definitions).sort() : [],
    migrations: scope.migrations.map(({ name }) => name).sort(),
  };
}

const reports = { images: ["reports"], services: ["reports"], runs: ["Reports"], migrations: [] };
const code = { images: ["code"], services: ["code"], runs: ["DealFlow"], migrations: ["application"] };
const host = { images: ["host"], services: ["daemon", "webserver"], runs: [], migrations: ["instance"] };

describe("what a release is about when it names", () => {
  test.each<[string, readonly string[], object]>([
    ["an image: all that runs it", ["host"], host],
    ["a service: its location, image, runs, and the migrations of its image", ["code"], code],
    ["a location: what serves it", ["DealFlow"], code],
    ["a location with an image of its own", ["Reports"], reports],
    ["services that share their image", ["daemon", "webserver"], host],
    [
      "several components",
      ["Reports", "host"],
      {
        images: ["host", "reports"],
        services: ["daemon", "reports", "webserver"],
        runs: ["Reports"],
        migrations: ["instance"],
      },
    ],
  ])("%s", (_, only, expected) => expect(within(only)).toEqual(expected));

  test("nothing: the whole stack", () => expect(scopeOf(stack, null)).toBe(stack));

  test.each<[string, string, RegExp, RegExp]>([
    ["what is a slip of the pen", "reprots", /"reprots" is no service, image, migration or location/, /`reports`/],
    ["a text that no release could hold", "Deal Flow", /"Deal Flow" is no service/, /`DealFlow`/],
    ["a member that every object has", "constructor", /"constructor" is no service/, /Use one of/],
  ])("%s: it is refused, with what to do", (_, name, what, fix) => {
    const error = thrownBy(() => scopeOf(stack, [name]));
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({
      what: expect.stringMatching(what) as unknown,
      fix: expect.stringMatching(fix) as unknown,
    });
  });
});

describe("the plan of a partial release", () => {
  const first = released(untouchedWorld(stack));
  const changed = withContents(first, { code: "code 2", host: "host 2", reports: "reports 2" });

  test("makes, migrates, registers and rolls what it names, and asks for that", () => {
    const plan = planRelease(stack, changed.observation, partial(changed, ["code"]));
    expect(plan.steps.map(({ id }) => id).sort()).toEqual([
      "gate/canary/DealFlow",
      "gate/location/DealFlow",
      "gate/state/DealFlow",
      "image/code",
      "migrate/application",
      "register/once/code",
      "register/run/DealFlow",
      "register/service/code",
      "roll/code",
    ]);
  });

  test("asks a new webserver for the locations that it leaves alone, from the images that they have", () => {
    const plan = planRelease(stack, changed.observation, partial(changed, ["host"]));
    const asked = plan.steps.find(({ id }) => id === "gate/location/Reports");
    const kept = first.observation.current?.images["reports"]?.digest ?? "none";
    expect(asked).toMatchObject({ image: expect.stringContaining(kept) as unknown });
  });

  test("keeps all else as the current release has it: images by digest, definitions by revision", () => {
    const world = carriedOut(stack, changed, planRelease(stack, changed.observation, partial(changed, ["code"])));
    const [was, is] = [first.observation.current, world.observation.current];
    expect(is?.images["code"]?.contentKey).toBe(keyOf("code 2"));
    for (const key of ["host", "reports"]) expect(is?.images[key]).toEqual(was?.images[key]);
    for (const key of ["service/daemon", "service/reports", "run/Reports"])
      expect(is?.taskDefinitions[key]).toEqual(was?.taskDefinitions[key]);
    expect(is?.migrations["instance"]).toEqual({ ...was?.migrations["instance"], state: "none" });
  });

  test("of what changes nothing has nothing to do", () => {
    expect(planRelease(stack, first.observation, partial(first, ["code"])).steps).toEqual([]);
  });

  test("is refused while a service that it leaves alone stands where a cut release has brought it", () => {
    const { observation } = changed;
    const former = {
      service: "deal-flow-daemon",
      taskDefinition: { family: "deal-flow-daemon", revision: 9 },
      desiredCount: 1,
    };
    const cut = { ...observation, before: { ...observation.before, daemon: former } };
    const { findings } = planRelease(stack, cut, partial(changed, ["code"]));
    expect(findings).toContainEqual(
      expect.objectContaining({
        id: "kept-service-moved",
        level: "error",
        what: expect.stringContaining("daemon") as unknown,
      }) as unknown,
    );
  });

  test.each<[string, string, RegExp]>([
    ["a service that shares its image", "daemon", /^Image host is another .* service webserver would go on/],
    ["a migration of an image that services run", "instance", /service daemon and service webserver would go on/],
  ])("is refused with %s, when that is another one, and says what to do", (_, name, what) => {
    const { observation } = withContents(first, { host: "host 2" });
    const error = thrownBy(() => checkShared(stack, scopeOf(stack, [name]), observation));
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({
      what: expect.stringMatching(what) as unknown,
      where: stack.images["host"]?.place,
      fix: expect.stringContaining("Name the image, `host`") as unknown,
    });
  });

  test("may be of one of two services that share an image, when that stays as it is", () => {
    const { daemon, ...others } = stack.services;
    if (daemon?.definition.kind !== "generated") throw new Error("the stack describes no daemon");
    const definition = { ...daemon.definition, size: { cpu: 1024, memory: 4096 } };
    const services = { ...others, daemon: { ...daemon, definition } };
    const plan = planRelease({ ...stack, services }, first.observation, partial(first, ["daemon"]));
    checkShared(stack, scopeOf(stack, ["daemon"]), first.observation);
    expect(plan.steps.map(({ id }) => id).sort()).toEqual([
      "gate/canary/DealFlow",
      "gate/daemon/daemon",
      "register/service/daemon",
      "roll/daemon",
    ]);
  });

  test("keeps a component that the stack file has no more", () => {
    const left = {
      ...first.observation.current?.images["host"],
      repository: "deal-flow/left",
    } as Release["images"][string];
    const current = { ...partial(first, ["code"]), images: { left } };
    expect(withBase(scopeOf(stack, ["code"]), current, partial(first, ["code"])).images).toEqual({ left });
  });
});

describe("a component that left the stack file", () => {
  const first = released(untouchedWorld(stack));
  const without = dealFlow();
  const { observation } = first;

  test("is named, with what it goes on running, and is in the record no more", () => {
    const plan = planRelease(without, withoutReports(observation), begin(first, shaOf("b")));
    const left = plan.findings.filter(({ id }) => id === "component-left");
    expect(left.map(({ level, what }) => [level, what.replaceAll(/release \S+,/g, "release R,")])).toEqual([
      [
        "warning",
        "The stack file has no service reports any more. It is not stopped: it goes on running deal-flow-reports:1 of release R, and belongs to no release from now on.",
      ],
      [
        "notice",
        "The stack file has no image reports any more: this release does not have it either. What it has made stays.",
      ],
    ]);
    expect(Object.keys(plan.target.images)).not.toContain("reports");
  });

  test("stays in the record of a partial release, which does not name it", () => {
    const plan = planRelease(without, withoutReports(observation), partial(first, ["code"]));
    expect(plan.findings.filter(({ id }) => id === "component-left")).toEqual([]);
    expect(plan.target.images["reports"]).toEqual(observation.current?.images["reports"]);
    expect(plan.target.taskDefinitions["service/reports"]).toBeDefined();
  });

  function withoutReports(all: World["observation"]): World["observation"] {
    const drop = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
      Object.fromEntries(Object.entries(record).filter(([key]) => key !== "reports"));
    return { ...all, images: drop(all.images), services: drop(all.services), before: drop(all.before) };
  }
});

test("a service that runs what another environment has released is not released to", () => {
  const world = carriedOut(
    stack,
    untouchedWorld(stack),
    planRelease(stack, untouchedWorld(stack).observation, begin(untouchedWorld(stack), shaOf("a"))),
  );
  const { observation } = world;
  const known = observation.definitions["service/code"];
  if (known?.running === null || known?.running === undefined) throw new Error("nothing runs");
  const findingsOf = (madeFor: Definition["madeFor"]) => {
    const definitions = {
      ...observation.definitions,
      "service/code": { ...known, running: { ...known.running, madeFor } as Definition },
    };
    return planRelease(stack, { ...observation, definitions }, begin(world, shaOf("b"))).findings.filter(
      ({ id }) => id === "contract-shared",
    );
  };
  expect(findingsOf({ stack: "deal-flow", environment: "production" })).toEqual([
    expect.objectContaining({
      level: "error",
      what: expect.stringContaining("environment production of stack deal-flow") as unknown,
    }),
  ]);
  expect(findingsOf({ stack: "deal-flow", environment: "local" })).toEqual([]);
  expect(findingsOf(null)).toEqual([]);
});

test("an image that another repository has made is not made of this one without a word", () => {
  const first = released(untouchedWorld(stack));
  const { observation } = withContents(first, { reports: "reports 2" });
  const elsewhere = { ...observation, source: { repository: "owner/other", sha: shaOf("b") } };
  const plan = planRelease(stack, elsewhere, begin(first, shaOf("b")));
  expect(plan.findings.filter(({ id }) => id === "image-source").map(({ what }) => what)).toEqual([
    "Image reports that is current was made of owner/deal-flow; this release makes it of owner/other.",
  ]);
});

function partial(world: World, only: string[]): Release {
  return { ...begin(world, shaOf("b")), only };
}

function released(world: World, of: Stack = stack): World {
  return carriedOut(of, world, planRelease(of, world.observation, begin(world, shaOf("a"))));
}

function thrownBy(work: () => unknown): unknown {
  try {
    work();
    return null;
  } catch (error) {
    return error;
  }
}
