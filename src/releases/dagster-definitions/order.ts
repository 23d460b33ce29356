import type { CodeChangeWithState } from "./compared.ts";

/** Changes that touch state first, then others that touch something: who is shown a part is shown these. */
export function lossesFirst(changes: readonly CodeChangeWithState[]): readonly CodeChangeWithState[] {
  const rank = ({ touches }: CodeChangeWithState): number => (touches === null ? 2 : touches.kind === "state" ? 0 : 1);
  return changes.toSorted((a, b) => rank(a) - rank(b));
}
