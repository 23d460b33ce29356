import { jest } from "@jest/globals";
import { isGood } from "../../../src/domain/verdict.ts";
import { evidenceOf, play, rows } from "./rollouts.ts";

// Fake time costs real time on a machine that is busy.
jest.setTimeout(60_000);

describe("A rollout that", () => {
  test.each(rows)("$rollout: $verdict", async (row) => {
    const { verdict, scene } = await play(row);
    expect({ verdict: verdict.verdict, cause: verdict.cause?.id ?? null }).toEqual({
      verdict: row.verdict,
      cause: row.cause,
    });
    if (row.says !== undefined) expect(verdict.cause?.what).toMatch(row.says);
    for (const seen of row.evidence ?? []) expect(evidenceOf(verdict)).toMatch(seen);
    if (row.writes !== undefined) expect(scene.written()).toEqual(row.writes);
    if (row.seconds !== undefined) expect(verdict.seconds).toBe(row.seconds);
    if (isGood(verdict.verdict)) expect(verdict.evidence).toEqual([]);
  });
});
