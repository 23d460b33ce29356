import type { StepResult } from "../../runner/run-step.ts";
import { type Checkout, checkOut, type SmallStack, startSmallStack, writesOf } from "./small-stack.ts";

let small: SmallStack;
let checkout: Checkout;

beforeAll(async () => {
  small = await startSmallStack();
  checkout = await checkOut(small);
});
afterAll(async () => {
  await checkout.remove();
  await small.bed.close();
});

const cleanUp = (inputs: Readonly<Record<string, string>>): Promise<StepResult> =>
  checkout.run({ with: { command: "clean-up", ...inputs } });

// What goes, and what stays, is in test/unit/releases/whole/old-revisions.test.ts and test/contract/cli/release.test.ts.

test.each<[string, Readonly<Record<string, string>>, string]>([
  ["how many stay is not said", {}, "how many revisions stay"],
  ["nothing is released", { "keep-revisions": "5", "dry-run": "true" }, "Nothing is released yet"],
  ["an input is for another command", { "keep-revisions": "5", to: "previous" }, "`to` is for `rollback`"],
])("a clean-up is refused, and writes nothing, when %s", async (_, inputs, what) => {
  const since = small.bed.calls.length;
  const result = await cleanUp(inputs);
  expect(result.exitCode).toBe(1);
  expect(result.log.join("\n")).toContain(what);
  expect(writesOf(small, since)).toEqual([]);
});
