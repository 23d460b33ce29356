import { type Rule, type Rules, ruleTable } from "../../local-aws/rules.ts";

/** Every rule of the bed that nobody outside AWS knows, turned to each of its other values. */
export const flips = Object.entries(ruleTable as Readonly<Record<string, Rule>>)
  .filter(([, { certainty }]) => certainty === "unsure")
  .flatMap(([id, { choices }]) => choices.slice(1).map((value) => ({ id: id as keyof Rules, value })));
