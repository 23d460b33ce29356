import { type Rule, type Rules, ruleTable } from "../../local-aws/rules.ts";
import { play, rows } from "./rollouts.ts";

/** Every rule of the bed that nobody outside AWS knows, turned to each of its other values. */
const flips = Object.entries(ruleTable as Readonly<Record<string, Rule>>)
  .filter(([, { certainty }]) => certainty === "unsure")
  .flatMap(([id, { choices }]) => choices.slice(1).map((value) => ({ id: id as keyof Rules, value })));

describe.each(flips)("Should $id be $value, a rollout that", ({ id, value }) => {
  test.each(rows)("$rollout: $verdict", async (row) => {
    const { verdict } = await play(row, { [id]: value });
    const { verdict: kind, cause } = { ...row, ...row.differs?.[`${id}=${String(value)}`] };
    expect({ verdict: verdict.verdict, cause: verdict.cause?.id ?? null }).toEqual({ verdict: kind, cause });
  });
});
