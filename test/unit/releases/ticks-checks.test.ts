import type { Step } from "../../../src/domain/plan.ts";
import { checkTicks } from "../../../src/releases/ticks-checks.ts";
import { dealFlow, untouchedWorld } from "./world.ts";

const stack = dealFlow();
const { observation } = untouchedWorld(stack);
const running = Object.fromEntries(
  Object.entries(observation.services).map(([key, service]) => [
    key,
    service === null ? null : { ...service, desiredCount: 1 },
  ]),
);
const due = ["* * * * *", "*/2 * * * *", "*/5 * * * *"].map((cron) => ({ location: "deal_flow", name: cron, cron }));
const instigators = { ...observation.instigators, due };
const roll = { kind: "roll", service: "daemon" } as Step;

function told(rolledIn: Readonly<Record<string, number>>): string {
  return checkTicks(stack, { instigators, rolledIn, services: running }, [roll])
    .map(({ what }) => what)
    .join("\n");
}

test("a daemon that no release has replaced is taken to be away for as long as is usual", () => {
  expect(told({})).toContain(
    "nothing ticks, for about 3 minutes, as is usual on Fargate; due more often than that: * * * * * of deal_flow (every minute), */2 * * * * of deal_flow (every 2 minutes). ",
  );
});

test("one that was replaced is taken to be away for as long as then", () => {
  expect(told({ daemon: 95 })).toContain(
    "for about 95 s, as when it was last replaced; due more often than that: * * * * * of deal_flow (every minute). ",
  );
  expect(told({ daemon: 301 })).toContain("*/5 * * * * of deal_flow (every 5 minutes)");
  expect(told({ daemon: 60 })).toBe("");
});
