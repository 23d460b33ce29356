import type { CodeChange } from "../../../../src/releases/dagster-definitions/compare.ts";
import { touchedState } from "../../../../src/releases/dagster-definitions/touched.ts";

const removed: CodeChange = {
  change: "removed",
  kind: "sensor",
  repository: "__repository__",
  name: "mailbox",
  former: null,
  members: [],
};

test("what could not be noted is not known, and not nothing; what has no state has none all the same", () => {
  expect(touchedState(removed, null)).toEqual({ kind: "unknown" });
  expect(touchedState(removed, [])).toBeNull();
  expect(touchedState({ ...removed, kind: "job" }, null)).toBeNull();
  expect(touchedState({ ...removed, change: "added" }, null)).toBeNull();
});
