import { ruleTable, type LawId } from "../../local-aws/rules.ts";

/** A test of a rule that has no value: it bears the rule's words and its id. */
export function law(id: LawId, hold: () => Promise<void>): void {
  test(`${ruleTable[id].says} [${id}]`, hold, 30_000);
}
