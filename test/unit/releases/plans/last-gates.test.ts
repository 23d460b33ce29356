import { inOrder, type Step } from "../../../../src/domain/plan.ts";
import { planRelease } from "../../../../src/releases/plan.ts";
import { describe as describeStep } from "../../../../src/releases/steps/explain.ts";
import { begin, carriedOut, dealFlow, shaOf, untouchedWorld, withContents } from "../world.ts";

const gates = (text: string) => (file: string) =>
  file.replace(/^gates: .*$/m, `gates: ${text}`).replace(/^    gates: .*\n/m, "");

/** The plan of a change of code, and of both when nothing is said. */
function planned(
  text: string,
  change: Readonly<Record<string, string>> = { code: "code 2", host: "host 2" },
  more = "",
) {
  const stack = dealFlow((file) => `${gates(text)(file)}${more}`);
  const first = untouchedWorld(stack);
  const released = carriedOut(stack, first, planRelease(stack, first.observation, begin(first, shaOf("a"))));
  const world = withContents(released, change);
  return planRelease(stack, world.observation, begin(world, shaOf("b")));
}

const idsOf = (steps: readonly Step[]): readonly string[] => inOrder(steps).map(({ id }) => id);
const asset = "{ location: DealFlow, asset: raw/deals, partition: latest, config: { ops: {} }, logs: true }";

test("a canary holds all that is to be run, and is shown", () => {
  const { steps } = planned(`{ canary: ${asset}, log-scan: { level: off, reason: logs are elsewhere } }`);
  const canary = steps.find(({ id }) => id === "gate/canary/DealFlow");
  expect(canary).toMatchObject({
    run: {
      target: { kind: "asset", key: "raw/deals" },
      partition: { kind: "latest" },
      config: { ops: {} },
      logs: true,
      computeLogs: null,
    },
  });
  expect(canary === undefined ? "" : describeStep(canary).markdown).toContain("asset raw/deals, partition latest");
});

test("logs are looked at last, of what has moved and is no webserver", () => {
  const both = idsOf(planned(`{ canary: ${asset}, log-scan: warning }`).steps);
  expect(both.slice(-3)).toEqual(["gate/canary/DealFlow", "gate/log-scan/code", "gate/log-scan/daemon"]);
  const code = idsOf(planned("{ log-scan: notice }", { code: "code 2" }).steps);
  expect(code.filter((id) => id.includes("log-scan"))).toEqual(["gate/log-scan/code"]);
  const { steps, untouched } = planned("{ log-scan: { level: off, reason: logs are elsewhere } }");
  expect(idsOf(steps).filter((id) => id.includes("log-scan"))).toEqual([]);
  expect(untouched).toContainEqual({ what: "gate log-scan", why: "off: logs are elsewhere" });
});

test("they are looked at by the level that the stack file says, warning unless told", () => {
  const levels = (text: string) =>
    planned(text).steps.flatMap((step) => (step.kind === "gate" && step.gate === "log-scan" ? [step.level] : []));
  expect(levels("{}")).toEqual(["warning", "warning"]);
  expect(levels("{ log-scan: error }")).toEqual(["error", "error"]);
});

test("assets that the stack file names are asked for after the gate of their location, when anything moves", () => {
  const text = "{ expect: { assets: { DealFlow: [deals, raw/mail] } } }";
  const { steps } = planned(text, { code: "code 2" });
  const gate = steps.find(({ id }) => id === "gate/expect/deal-flow");
  expect(gate).toMatchObject({
    assets: { DealFlow: ["deals", "raw/mail"] },
    schedules: {},
    sensors: {},
    firstTick: null,
  });
  expect(idsOf(steps).indexOf("gate/location/DealFlow")).toBeLessThan(idsOf(steps).indexOf("gate/expect/deal-flow"));
  expect(planned(text, {}).steps).toEqual([]);
});

test("a plan that moves nothing asks for neither", () => {
  expect(planned(`{ canary: ${asset} }`, {}).steps).toEqual([]);
});

test("targets are looked at of what moves and stands behind a load balancer, unless the stack file says otherwise", () => {
  const plan = (text: string, behind: readonly string[], strategy = "ROLLING") => {
    const stack = dealFlow(gates(text));
    const { observation, ...world } = untouchedWorld(stack);
    const services = Object.fromEntries(
      Object.entries(observation.services).map(([key, service]) => [
        key,
        service === null
          ? null
          : {
              ...service,
              rollout: { ...service.rollout, strategy },
              targetGroups: behind.includes(key) ? ["arn:group"] : [],
            },
      ]),
    );
    const changed = { ...world, observation: { ...observation, services } };
    return planRelease(stack, changed.observation, begin(changed, shaOf("a")));
  };
  const wanted = "{ expect: { target-health: true } }";
  const ids = ({ steps }: ReturnType<typeof plan>) => idsOf(steps).filter((id) => id.startsWith("gate/targets"));
  expect(ids(plan(wanted, ["webserver"]))).toEqual(["gate/targets/webserver"]);
  expect(ids(plan("{}", ["webserver"]))).toEqual(["gate/targets/webserver"]);
  expect(ids(plan("{ expect: { target-health: false } }", ["webserver"]))).toEqual([]);
  const staged = plan("{}", ["webserver"], "BLUE_GREEN");
  expect(ids(staged)).toEqual([]);
  expect(staged.untouched).toContainEqual({
    what: "gate targets/webserver",
    why: "its targets change groups: ECS looks at them",
  });
  expect(ids(plan(wanted, ["webserver"], "BLUE_GREEN"))).toEqual(["gate/targets/webserver"]);
  expect(plan("{}", []).untouched.map(({ what }) => what)).not.toContain("gate targets");
  const none = plan(wanted, []);
  expect(ids(none)).toEqual([]);
  expect(none.untouched).toContainEqual({
    what: "gate targets",
    why: "nothing that moves stands behind a load balancer",
  });
});

test("security groups are looked at once all has moved, when the stack file wants it", () => {
  const wanted = planned("{ expect: { security-groups: true } }").steps;
  const gate = wanted.find(({ id }) => id === "gate/security-groups/deal-flow");
  expect(gate).toMatchObject({ kind: "gate", gate: "security-groups" });
  const rolled = wanted.filter(({ kind }) => kind === "roll").map(({ id }) => id);
  expect([...rollsBefore(wanted, gate?.id ?? "")].toSorted()).toEqual(rolled.toSorted());
  const asked = (text: string, moves?: Readonly<Record<string, string>>) =>
    planned(text, moves).steps.filter((step) => step.kind === "gate" && step.gate === "security-groups");
  expect(asked("{}")).toEqual([]);
  expect(asked("{ expect: { security-groups: true } }", {})).toEqual([]);
});

/** What is rolled before this step, whatever comes in between. */
function rollsBefore(steps: readonly Step[], id: string): ReadonlySet<string> {
  const { after = [] } = steps.find((step) => step.id === id) ?? {};
  return new Set([
    ...after.filter((one) => one.startsWith("roll/")),
    ...after.flatMap((one) => [...rollsBefore(steps, one)]),
  ]);
}

describe("A gate that is off", () => {
  const change = { code: "code 2", host: "host 2" };
  const expect_ = "expect: { schedules: { nightly: RUNNING } }";
  const all = planned(`{ canary: ${asset}, ${expect_} }`, change).steps;
  const gatesOf = (steps: readonly Step[]): readonly string[] => [
    ...new Set(steps.flatMap((step) => (step.kind === "gate" && step.gate !== "log-scan" ? [step.gate] : []))),
  ];

  test.each(gatesOf(all))("%s is not asked; all else is, in the same order", (gate) => {
    const { steps, untouched } = planned(
      `{ canary: ${asset}, ${expect_}, levels: { ${gate}: { level: "off", reason: broken today } } }`,
      change,
    );
    const isLeft = (step: Step): boolean => step.kind !== "gate" || step.gate !== gate;
    expect(idsOf(steps)).toEqual(idsOf(all).filter((id) => all.some((step) => step.id === id && isLeft(step))));
    expect(untouched).toContainEqual({ what: `gate ${gate}`, why: "off: broken today" });
    for (const { id } of steps.filter(({ kind }) => kind === "roll"))
      expect(rollsBefore(steps, id)).toEqual(rollsBefore(all, id));
  });
});
