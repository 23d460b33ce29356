import type { Json } from "../../../../src/domain/json.ts";
import type { Step } from "../../../../src/domain/plan.ts";
import type { Observation } from "../../../../src/releases/observation.ts";
import { explainPrice } from "../../../../src/releases/price/explain.ts";
import { priceTable } from "../../../../src/releases/price/table.ts";
import { type EndedRun, type RunsPrice, runsPrice } from "../../../../src/releases/price/runs.ts";
import { dealFlow } from "../world.ts";

const stack = dealFlow();
const rates = { prices: priceTable.regions["us-east-1"] ?? {}, hours: 720 };
const run: EndedRun = { location: "DealFlow", seconds: 3600, cpu: null, memory: null };
const size = { cpu: "1024", memory: "4096" };

/** @param runs of 30 days, so that a month of 720 hours has as many */
function price(runs: readonly EndedRun[], { days = 30, planned = null as Json } = {}): RunsPrice | null {
  const newest = { revision: { family: "run", revision: 1 }, content: size } as unknown as NonNullable<
    Observation["definitions"][string]["newest"]
  >;
  const definitions = { "run/DealFlow": { running: null, former: null, released: null, newest } };
  const steps =
    planned === null
      ? []
      : [
          {
            id: "register/run/DealFlow",
            kind: "register",
            definition: "run/DealFlow",
            content: planned,
          } as unknown as Step,
        ];
  return runsPrice(stack, { steps }, { definitions }, { days, runs }, rates);
}

/** An hour of 1 vCPU and 4 GB on x86 in us-east-1: 0.04048 + 4 × 0.004445 USD. */
const hourly = 0.05826;
const usd = (amount: number): number => Math.round(amount * 100) / 100;

test.each<[string, readonly EndedRun[], number, Partial<RunsPrice>]>([
  [
    "a hundred hours of a month",
    Array.from({ length: 100 }, () => run),
    30,
    { runsAMonth: 100, after: usd(100 * hourly) },
  ],
  ["as many in ten days are three times as many in a month", [run, run], 10, { runsAMonth: 6, after: usd(6 * hourly) }],
  [
    "a run of a second is billed for a minute",
    Array.from({ length: 60 }, () => ({ ...run, seconds: 1 })),
    30,
    { taskHoursAMonth: 1 },
  ],
  [
    "a run that asked for more is priced so",
    Array.from({ length: 10 }, () => ({ ...run, cpu: "2048", memory: "8192" })),
    30,
    { after: usd(20 * hourly) },
  ],
  [
    "of a location that is gone nobody knows the size, and it is not counted",
    [run, { ...run, location: "Former" }],
    30,
    { after: usd(hourly), notCounted: 1, why: "its task definition was not read" },
  ],
  [
    "when no size is known, nothing is counted",
    [{ ...run, location: "Former" }],
    30,
    { after: null, notCounted: 1, why: "its task definition was not read" },
  ],
])("%s", (_, runs, days, expected) => {
  expect(price(runs, { days })).toMatchObject(expected);
});

test("another size of the run definition changes what the same runs would cost", () => {
  const runs = Array.from({ length: 100 }, () => run);
  const bigger = price(runs, { planned: { cpu: "2048", memory: "8192" } });
  expect(bigger).toMatchObject({ before: usd(100 * hourly), after: usd(200 * hourly) });
});

test("nothing is said where there was no run, or runs live in processes that are paid for already", () => {
  expect(price([])).toBeNull();
  const inProcess = { ...stack, runs: { kind: "in-process" as const, place: "here", drainMinutes: 1 } };
  const definitions = {};
  expect(runsPrice(inProcess as never, { steps: [] }, { definitions }, { days: 30, runs: [run] }, rates)).toBeNull();
});

test("the comment says how it was counted, and what it leaves out", () => {
  const nothing = { region: "us-east-1", currency: "USD", date: "2026-11-21", own: false } as const;
  const told = { ...nothing, services: [], before: 0, after: 0, around: [] };
  const runs = price(Array.from({ length: 100 }, () => run));
  const { markdown } = explainPrice({ ...told, runs });
  expect(markdown).toContain(
    "Runs, were they as lately \\(100 runs in 30 days\\): about 100 a month, 100 hours of tasks, 5.83 USD, on demand and without what they take to start.",
  );
  expect(markdown).toContain("Traffic, logs and what is stored come on top.");
  const some = explainPrice({ ...told, runs: price([run, { ...run, location: "Former" }]) }).markdown;
  expect(some).toContain("1 of them not counted: its task definition was not read.");
  expect(explainPrice({ ...told, runs: null }).markdown).toContain("Runs, traffic, logs");
});
