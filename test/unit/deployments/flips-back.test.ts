import { jest } from "@jest/globals";
import { flips } from "./flips.ts";
import { goBack, ways } from "./take-backs.ts";

// The same tables are played with clients of the SDK, under the usual rules, elsewhere: no rule changes how bytes are written.
// Fake time costs real time on a machine that is busy.
jest.setTimeout(60_000);

describe.each(flips)("Should $id be $value, going back", ({ id, value }) => {
  test.each(ways)("$name: $verdict", async (way) => {
    const { verdict, ...ended } = await goBack(way, { rules: { [id]: value }, clients: "memory" });
    expect(verdict.verdict).toBe(way.verdict);
    expect(ended).toMatchObject({ runningCount: ended.back.count, pendingCount: 0 });
    expect(ended.taskDefinition).toMatch(/app:1$/);
  });
});
