import type { Instigator } from "../../domain/instigators.ts";
import { isLoss } from "../../gates/state/compare.ts";
import type { CodeChange } from "./compare.ts";

/** What hangs on a name that goes. */
export type Touched =
  | {
      readonly kind: "state";
      readonly status: Instigator["status"];
      /** Somebody has turned it on or off. */
      readonly byHand: boolean;
      readonly hasCursor: boolean;
    }
  | { readonly kind: "materializations" /** Of the last one. */; readonly lastAt: string }
  /** Nobody could say. */
  | { readonly kind: "unknown" };

/**
 * What a schedule or sensor that goes, or gets another name, leaves behind; null: nothing that anybody would miss.
 * @param noted null: what there is of its location is not known
 */
export function touchedState(
  { change, kind, repository, name, former }: CodeChange,
  noted: readonly Instigator[] | null,
): Touched | null {
  if (change !== "removed" && former === null) return null;
  if (kind === "job") return null;
  if (noted === null) return { kind: "unknown" };
  const was = former ?? { repository, name };
  const found = noted.find((one) => one.kind === kind && one.repository === was.repository && one.name === was.name);
  if (found === undefined || !isLoss({ kind: "gone", was: found, renamedTo: null })) return null;
  const { status, byHand, cursor } = found;
  return { kind: "state", status, byHand, hasCursor: cursor !== null };
}
