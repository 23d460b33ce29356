import type { Gates } from "../../stack/stack.ts";

/** What a deploy does about state that would be lost: its gate `state` takes the release back, or does not. */
export type OnLoss = "stopped" | "allowed" | "told" | "not-looked-at";

/** @param allowsLoss it is meant */
export function onLossOf({ levels }: Pick<Gates, "levels">, allowsLoss: boolean): OnLoss {
  const level = levels.state?.level ?? "on";
  if (level === "on") return allowsLoss ? "allowed" : "stopped";
  return level === "warn" ? "told" : "not-looked-at";
}
