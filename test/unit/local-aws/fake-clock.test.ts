import { setTimeout as realSleep } from "node:timers/promises";
import { createFakeClock } from "../../local-aws/fake-clock.ts";

const start = "2026-11-21T10:00:00Z";

describe("the fake clock", () => {
  test("lets half an hour of sleeping pass at once", async () => {
    const clock = createFakeClock(start);
    const polls: string[] = [];
    const poll = async () => {
      for (let times = 0; times < 360; times += 1) await clock.product.sleep(5000);
      polls.push(new Date(clock.product.now()).toISOString());
      return "done";
    };
    expect(await clock.run(poll())).toBe("done");
    expect(polls).toEqual(["2026-11-21T10:30:00.000Z"]);
  });

  test("fires timers of one moment in the order in which they were set", async () => {
    const clock = createFakeClock(start);
    const fired: number[] = [];
    clock.bed.after(10, () => fired.push(1));
    clock.bed.after(5, () => {
      fired.push(0);
      clock.bed.after(5, () => fired.push(3));
    });
    clock.bed.after(10, () => fired.push(2));
    await clock.pass(10);
    expect(fired).toEqual([0, 1, 2, 3]);
  });

  test("does not fire what was taken back", async () => {
    const clock = createFakeClock(start);
    const fired: string[] = [];
    const takeBack = clock.bed.after(10, () => fired.push("taken back"));
    clock.bed.after(20, () => fired.push("kept"));
    takeBack();
    await clock.pass(1000);
    expect(fired).toEqual(["kept"]);
    expect(clock.bed.now()).toBe(Date.parse(start) + 1000);
  });

  test("stands still while anything else goes on", async () => {
    const clock = createFakeClock(start);
    const work = async () => {
      const before = clock.product.now();
      await realSleep(20);
      return clock.product.now() - before;
    };
    clock.bed.after(60_000, () => undefined);
    expect(await clock.run(work())).toBe(0);
  });

  test("goes no faster than the machine's beside something real, and is fast again when that ends", async () => {
    const clock = createFakeClock(start);
    const real = Promise.withResolvers<void>();
    clock.accompany(real.promise);
    const since = performance.now();
    await clock.run(clock.product.sleep(100));
    expect(performance.now() - since).toBeGreaterThan(95);
    real.resolve();
    await clock.run(clock.product.sleep(86_000_000));
    expect(clock.product.now()).toBeGreaterThanOrEqual(Date.parse(start) + 86_000_100);
  });

  test("ends a sleep that is aborted, with the signal's reason", async () => {
    const clock = createFakeClock(start);
    const controller = new AbortController();
    const slept = clock.product.sleep(60_000, controller.signal);
    clock.bed.after(1000, () => controller.abort(new Error("enough")));
    await expect(clock.run(slept)).rejects.toThrow("enough");
    await expect(clock.product.sleep(1, AbortSignal.abort(new Error("already")))).rejects.toThrow("already");
    expect(clock.product.now()).toBe(Date.parse(start) + 1000);
  });

  test("gives up on work that cannot end", async () => {
    const clock = createFakeClock(start);
    await expect(clock.run(new Promise(() => undefined))).rejects.toThrow("no timer is left");
    const forever = async () => {
      for (;;) await clock.product.sleep(1000);
    };
    await expect(clock.run(forever(), 10_000)).rejects.toThrow("10000 ms have passed");
  });

  test("throws what the work throws", async () => {
    const clock = createFakeClock(start);
    const work = clock.product.sleep(1000).then(() => Promise.reject(new Error("failed")));
    await expect(clock.run(work)).rejects.toThrow("failed");
  });
});
