import type { Instigator } from "../../domain/instigators.ts";
import { nearest } from "../../stack/nearest.ts";

/** One as it is now. */
export interface SeenInstigator extends Instigator {
  /** Of its state, as the mutations that stop it want it. */
  readonly id: string;
  /** What its code says that it is as long as nobody has said otherwise. */
  readonly defaultStatus: Instigator["status"];
  /** When a schedule is due, as its code has it; a sensor has none. */
  readonly cron?: string;
}

/** What became of a schedule or sensor that is not as it was. */
export type Difference =
  /** Nobody has it any more. `renamedTo` is new, and may be what it is called now. */
  | { readonly kind: "gone"; readonly was: Instigator; readonly renamedTo: Instigator | null }
  /** It is there, and what somebody had made of it is not: its status, or its cursor. */
  | { readonly kind: "reset"; readonly was: Instigator; readonly now: SeenInstigator }
  /** Somebody has turned it on or off, or has moved the cursor of a sensor that is off, since it was noted. */
  | { readonly kind: "changed"; readonly was: Instigator; readonly now: SeenInstigator }
  /** Nobody has touched it: its code has another default. */
  | { readonly kind: "default"; readonly was: Instigator; readonly now: SeenInstigator };

/** What is not as it was among the schedules and sensors of one location, in their former order. What is new is no difference. */
export function compareInstigators(
  before: readonly Instigator[],
  now: readonly SeenInstigator[],
): readonly Difference[] {
  const gone = before.filter((was) => !now.some((other) => isSame(was, other)));
  const fresh = now.filter((other) => !before.some((was) => isSame(was, other)));
  return before.flatMap((was): readonly Difference[] => {
    const found = now.find((other) => isSame(was, other));
    if (found === undefined) return [{ kind: "gone", was, renamedTo: renamed(was, gone, fresh) }];
    const kind = differenceOf(was, found);
    return kind === null ? [] : [{ kind, was, now: found }];
  });
}

/** Does it lose what somebody has made, or stop what ran? What was off, and never touched, is only said. */
export function isLoss(difference: Difference): boolean {
  switch (difference.kind) {
    case "gone": {
      const { status, byHand, cursor } = difference.was;
      return status === "RUNNING" || byHand || cursor !== null;
    }
    case "reset":
      return true;
    case "changed":
    case "default":
      return false;
  }
}

function differenceOf(was: Instigator, now: SeenInstigator): Exclude<Difference["kind"], "gone"> | null {
  const isOtherStatus = was.status !== now.status;
  if (was.cursor !== null && now.cursor === null) return "reset";
  if (isOtherStatus && was.byHand && !now.byHand) return "reset";
  if (isOtherStatus) return was.byHand || now.byHand ? "changed" : "default";
  // A sensor that is on moves its cursor by itself.
  const isOff = was.status === "STOPPED";
  return isOff && was.cursor !== null && was.cursor.hash !== now.cursor?.hash ? "changed" : null;
}

/** The same name elsewhere, a name that is near, or the only one that came for the only one that went. */
function renamed(
  was: Instigator,
  gone: readonly Instigator[],
  fresh: readonly SeenInstigator[],
): SeenInstigator | null {
  const candidates = fresh.filter(({ kind }) => kind === was.kind);
  const near = nearest(
    was.name,
    candidates.map(({ name }) => name),
  );
  const isAlone = candidates.length === 1 && gone.filter(({ kind }) => kind === was.kind).length === 1;
  return (
    candidates.find(({ name }) => name === was.name) ??
    candidates.find(({ name }) => name === near) ??
    (isAlone ? candidates[0] : undefined) ??
    null
  );
}

function isSame(a: Instigator, b: Instigator): boolean {
  return a.kind === b.kind && a.repository === b.repository && a.name === b.name;
}
