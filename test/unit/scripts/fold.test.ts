import { foldedPip } from "../../../scripts/demo/fold.ts";

function shown(lines: readonly string[]): readonly string[] {
  const printed: string[] = [];
  const print = foldedPip((line) => printed.push(line));
  for (const line of lines) print(line);
  return printed;
}

test("rows of pip's lines are one line each, all others stay as they are", () => {
  expect(
    shown([
      "shop/code: installing 2 packages",
      "shop/code: pip │ Collecting dagster",
      "shop/host: pip │ Collecting dagster",
      "shop/code: packing",
      "shop/code: pip │ Successfully installed dagster",
      "Pushed",
    ]),
  ).toEqual(["shop/code: installing 2 packages", "pip │ … 2 lines", "shop/code: packing", "pip │ … 1 line", "Pushed"]);
});

test("what pip says of errors is shown", () => {
  expect(
    shown(["a: pip │ Collecting x", "a: pip │ ERROR: No matching distribution", "a: pip │ more", "The end"]),
  ).toEqual(["pip │ … 1 line", "a: pip │ ERROR: No matching distribution", "pip │ … 1 line", "The end"]);
});
