import { jest } from "@jest/globals";
import { flips } from "./flips.ts";
import { play, rows } from "./rollouts.ts";

// The same tables are played with clients of the SDK, under the usual rules, elsewhere: no rule changes how bytes are written.
// Fake time costs real time on a machine that is busy.
jest.setTimeout(60_000);

describe.each(flips)("Should $id be $value, a rollout that", ({ id, value }) => {
  test.each(rows)("$rollout: $verdict", async (row) => {
    const { verdict } = await play(row, { rules: { [id]: value }, clients: "memory" });
    const { verdict: kind, cause } = row;
    expect({ verdict: verdict.verdict, cause: verdict.cause?.id ?? null }).toEqual({ verdict: kind, cause });
  });
});
