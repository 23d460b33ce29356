import { jest } from "@jest/globals";
import { createMovableClock } from "../../local-aws/movable-clock.ts";

test("a moved clock is ahead, and remembers when it was not yet", () => {
  const clock = createMovableClock();
  const before = Date.now();
  jest.useFakeTimers({ now: before + 1000 });
  try {
    clock.move(900_000);
    expect(clock.now()).toBe(before + 901_000);
    expect(clock.at(before)).toBe(before);
    expect(clock.at(before + 2000)).toBe(before + 902_000);
  } finally {
    jest.useRealTimers();
  }
});

test("timers that fall due in a move fire in their order, the others when their time comes", async () => {
  const clock = createMovableClock();
  const fired: string[] = [];
  clock.after(50_000, () => fired.push("second"));
  clock.after(40_000, () => fired.push("first"));
  clock.after(100_000, () => fired.push("not yet"));
  const cancel = clock.after(30_000, () => fired.push("cancelled"));
  cancel();
  clock.move(60_000);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(fired).toEqual(["first", "second"]);
});
