import type { Instigator } from "../../domain/instigators.ts";
import type { Difference } from "./compare.ts";

/** What became of it, as a line. */
export function explainDifference(difference: Difference): string {
  const { was } = difference;
  const subject = nameOf(was);
  switch (difference.kind) {
    case "gone": {
      const { renamedTo } = difference;
      const successor =
        renamedTo === null
          ? ""
          : renamedTo.repository === was.repository
            ? `; probably renamed: ${nameOf(renamedTo)} is new`
            : `; probably moved: ${nameOf(renamedTo)} is new in repository ${shown(renamedTo.repository)}`;
      return `${subject} (${stateOf(was)}) is gone${successor}`;
    }
    case "reset":
      return `${subject} was ${stateOf(was)}, and is ${stateOf(difference.now)}: what was made of it is gone`;
    case "changed":
      return was.status === difference.now.status
        ? `${subject} has another cursor`
        : `${subject} was ${stateOf(was)}, and is ${stateOf(difference.now)}`;
    case "default":
      return `${subject} was ${was.status}, and is ${difference.now.status}: its default in the code has changed`;
  }
}

/** `schedule nightly` */
export function nameOf({ kind, name }: Pick<Instigator, "kind" | "name">): string {
  return `${kind} ${shown(name)}`;
}

function stateOf({ status, byHand, cursor }: Instigator): string {
  const turned = byHand ? ` by hand` : "";
  return `${status}${turned}${cursor === null ? "" : ", with a cursor"}`;
}

/** Dagster's names are words, and its keys words between slashes; what is not is quoted. */
export function shown(name: string): string {
  return /^[\w./-]+$/.test(name) ? name : JSON.stringify(name);
}
