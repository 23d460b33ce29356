import type { Plan } from "../../../../src/domain/plan.ts";
import { isChanged } from "../../../../src/releases/dagster-definitions/preview.ts";
import { dealFlow } from "../world.ts";

const stack = dealFlow();
const [key] = Object.values(stack.services).flatMap((one) => (one.kind === "code-location" ? [one.key] : []));

/** A plan with one step. */
function planOf(step: object): Pick<Plan, "steps"> {
  return { steps: [step as Plan["steps"][number]] };
}

test.each<[string, object, boolean]>([
  ["its server is rolled", { kind: "roll", service: key }, true],
  ["another service is rolled", { kind: "roll", service: "daemon" }, false],
  ["its pointer is switched", { kind: "switch", location: "DealFlow" }, true],
  ["its plain files are written", { kind: "mirror", location: "DealFlow" }, true],
  ["the pointer of another location is switched", { kind: "switch", location: "Other" }, false],
  ["its version is only put beside the others", { kind: "publish", location: "DealFlow" }, false],
])("when %s, a location gets other code: %#", (_, step, expected) => {
  expect(isChanged(stack, planOf(step), "DealFlow")).toBe(expected);
});
