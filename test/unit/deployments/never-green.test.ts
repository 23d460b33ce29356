import { jest } from "@jest/globals";
import fc from "../../properties.ts";
import { isGood, type VerdictKind } from "../../../src/domain/verdict.ts";
import { scripts, tellScript } from "./scenarios/random.ts";

// Fake time costs real time on a machine that is busy.
jest.setTimeout(120_000);

test("Whatever happens, a rollout is never called good unless the wanted digest runs everywhere, and nothing else does", async () => {
  const ends = new Set<VerdictKind | "refused">();
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      const { end, wrong } = await tellScript(script);
      ends.add(end);
      expect(wrong).toEqual([]);
    }),
    { numRuns: 300 },
  );
  // Of scripts that all end badly nothing would be learned.
  expect([...ends].some((end) => end !== "refused" && isGood(end))).toBe(true);
});
