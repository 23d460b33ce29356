import { showAll } from "../domain/later.ts";
import type { Plan } from "../domain/plan.ts";
import { showRevision } from "../domain/verdict.ts";
import { type Change, compareDefinitions } from "../task-definitions/compare.ts";
import { comparedRevision, type Observation } from "./observation.ts";

/** What a task definition that is registered changes, for people and for machines. Values that may be secret are not in it. */
export interface DefinitionChange {
  /** `service/<key>`, `run/<location>`, `once/<image>` */
  readonly definition: string;
  readonly family: string;
  /** What it is compared with, as {@link comparedRevision} says; null: there is none. */
  readonly from: string | null;
  readonly changes: readonly Change[];
}

/** Each definition that a plan registers, compared with what runs. */
export function definitionChanges(
  { steps, shownVariables }: Plan,
  { definitions }: Pick<Observation, "definitions">,
): readonly DefinitionChange[] {
  return steps.flatMap((step) => {
    if (step.kind !== "register") return [];
    const known = definitions[step.definition];
    const before = known === undefined ? null : comparedRevision(known);
    const changes = compareDefinitions(before?.content ?? null, showAll(step.content), shownVariables);
    const from = before === null ? null : showRevision(before.revision);
    return [{ definition: step.definition, family: step.family, from, changes }];
  });
}
