import { jest } from "@jest/globals";
import { type Rule, type Rules, ruleTable } from "../../local-aws/rules.ts";
import { play, rows } from "./rollouts.ts";
import { goBack, ways } from "./take-backs.ts";

// Fake time costs real time on a machine that is busy.
jest.setTimeout(60_000);

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

describe.each(flips)("Should $id be $value, going back", ({ id, value }) => {
  test.each(ways)("$name: $verdict", async (way) => {
    const { verdict, ...ended } = await goBack(way, { [id]: value });
    expect(verdict.verdict).toBe(way.verdict);
    expect(ended).toMatchObject({ runningCount: ended.back.count, pendingCount: 0 });
    expect(ended.taskDefinition).toMatch(/app:1$/);
  });
});
