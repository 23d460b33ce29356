import { inOrder, type Step } from "../../../../src/domain/plan.ts";
import { planRelease } from "../../../../src/releases/plan.ts";
import { describe as describeStep } from "../../../../src/releases/steps/explain.ts";
import { begin, carriedOut, dealFlow, shaOf, untouchedWorld, withContents } from "../world.ts";

const gates = (text: string) => (file: string) => file.replace(/^gates: .*$/m, `gates: ${text}`);

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
  const { steps } = planned(`{ canary: ${asset}, log-scan: off }`);
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
  expect(idsOf(planned("{ log-scan: off }").steps).filter((id) => id.includes("log-scan"))).toEqual([]);
});

test("they are looked at by the level that the stack file says, warning unless told", () => {
  const levels = (text: string) =>
    planned(text).steps.flatMap((step) => (step.kind === "gate" && step.gate === "log-scan" ? [step.level] : []));
  expect(levels("{}")).toEqual(["warning", "warning"]);
  expect(levels("{ log-scan: error }")).toEqual(["error", "error"]);
});

test("a plan that moves nothing asks for neither", () => {
  expect(planned(`{ canary: ${asset} }`, {}).steps).toEqual([]);
});
