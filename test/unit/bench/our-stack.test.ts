import { ourCheckout } from "../../../bench/scenarios/our-stack.ts";
import { stackOf } from "../stack/reading.ts";

test.each([[true], [false]])("the stack file of the benchmarks is one that is read, gated: %s", (isGated) => {
  const { "dagster-stack.yml": text = "" } = ourCheckout({
    bucket: "records",
    dagster: "http://127.0.0.1:3000",
    definition: "{}",
    beside: ["other"],
    isGated,
  });
  expect(Object.keys(stackOf(text).services)).toEqual(["app", "other"]);
});
