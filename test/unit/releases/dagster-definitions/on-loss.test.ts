import { type OnLoss, onLossOf } from "../../../../src/releases/dagster-definitions/on-loss.ts";

test.each<["on" | "warn" | "off" | null, boolean, OnLoss]>([
  [null, false, "stopped"],
  ["on", false, "stopped"],
  ["on", true, "allowed"],
  ["warn", false, "told"],
  ["off", true, "not-looked-at"],
])("the gate is %s, the loss is allowed: %s: what is lost is %s", (level, allowsLoss, expected) => {
  const levels = level === null ? {} : { state: { level, reason: null } };
  expect(onLossOf({ levels }, allowsLoss)).toBe(expected);
});
