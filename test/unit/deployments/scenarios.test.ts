import { jest } from "@jest/globals";
import { isGood } from "../../../src/domain/verdict.ts";
import { evidenceOf, play } from "./scenarios/play.ts";
import { scenarios } from "./scenarios/table.ts";

// Fake time costs real time on a machine that is busy.
jest.setTimeout(60_000);

describe("A rollout that", () => {
  test.each(scenarios)("$rollout: $verdict", async (scenario) => {
    const { verdict, scene } = await play(scenario);
    await scene.aws.close();
    expect({ verdict: verdict.verdict, cause: verdict.cause?.id ?? null }).toEqual({
      verdict: scenario.verdict,
      cause: scenario.cause,
    });
    if (scenario.says !== undefined) expect(verdict.cause?.what).toMatch(scenario.says);
    for (const seen of scenario.evidence ?? []) expect(evidenceOf(verdict)).toMatch(seen);
    expect(scene.written()).toEqual(scenario.writes);
    if (scenario.seconds !== undefined) expect(verdict.seconds).toBe(scenario.seconds);
    if (isGood(verdict.verdict)) expect(verdict.evidence).toEqual([]);
    expect(scene.asked().length).toBeLessThanOrEqual(mostCalls(verdict.seconds));
  });
});

/** What a rollout costs at its start and its end, and a look every three seconds with what is behind it while all goes wrong. */
function mostCalls(seconds: number): number {
  return 50 + (seconds / 60) * 45;
}
