import type { Context, Progress } from "../../src/domain/context.ts";
import { createFakeClock, type FakeClock } from "../local-aws/fake-clock.ts";

export interface TestContext {
  readonly context: Context;
  readonly clock: FakeClock;
  /** Everything that was reported, oldest first. */
  readonly progress: readonly Progress[];
  abort(reason?: Error): void;
}

/** What a capability is given in a test: fake time, a signal, and a memory of what it said. */
export function testContext(clock: FakeClock = createFakeClock()): TestContext {
  const progress: Progress[] = [];
  const controller = new AbortController();
  return {
    context: { clock: clock.product, signal: controller.signal, report: (event) => progress.push(event) },
    clock,
    progress,
    abort: (reason) => controller.abort(reason),
  };
}
