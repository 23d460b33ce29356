import { jest } from "@jest/globals";
import { flips } from "./flips.ts";
import { play } from "./scenarios/play.ts";
import { scenarios } from "./scenarios/table.ts";

// The same tables are played with clients of the SDK, under the usual rules, elsewhere: no rule changes how bytes are written.
// Fake time costs real time on a machine that is busy.
jest.setTimeout(60_000);

describe.each(flips)("Should $id be $value, a rollout that", ({ id, value }) => {
  test.each(scenarios)("$rollout: $verdict", async ({ verdict: kind, cause, ...scenario }) => {
    const { verdict, scene } = await play(scenario, { rules: { [id]: value }, clients: "memory" });
    await scene.aws.close();
    expect({ verdict: verdict.verdict, cause: verdict.cause?.id ?? null }).toEqual({ verdict: kind, cause });
  });
});
