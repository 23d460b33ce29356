import type { BedClock } from "../clock.ts";

/**
 * The machine's time, but for what everybody sleeps through: that is jumped over. Work counts as long as it takes.
 */
export interface JumpingClock extends BedClock {
  /** Milliseconds that were jumped over so far. */
  ahead(): number;
  /** Goes to this moment, unless it is past: everything that is due until then happens at its own time, in order. */
  jumpTo(moment: number): Promise<void>;
  /** The jump that is under way waits for this before it goes on. */
  hold(work: unknown): void;
  /** The jump that is under way ends here: who sleeps has been woken by something else. */
  interrupt(): void;
}

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

/** Turns of the loop in which the bed has done all that follows from one timer. */
const settlingTurns = 8;

/** Timers never keep the process alive. @param start milliseconds that it is ahead of the machine's in the beginning */
export function createJumpingClock(start = 0): JumpingClock {
  let ahead = start;
  let timers: readonly Timer[] = [];
  let armed: NodeJS.Timeout | undefined;
  let held: unknown[] = [];
  let interruptions = 0;
  let jump: Promise<void> = Promise.resolve();

  const now = (): number => Date.now() + ahead;
  const fire = (timer: Timer): void => {
    timers = timers.filter((other) => other !== timer);
    timer.callback();
  };
  const arm = (): void => {
    clearTimeout(armed);
    const [next] = timers;
    if (next !== undefined) armed = setTimeout(fireDue, Math.max(0, next.due - now())).unref();
  };
  const fireDue = (): void => {
    for (let [next] = timers; next !== undefined && next.due <= now(); [next] = timers) fire(next);
    arm();
  };
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < settlingTurns; turn += 1) await new Promise((done) => setImmediate(done));
    const works = held;
    held = [];
    if (works.length === 0) return;
    await Promise.all(works);
    await settle();
  };
  const go = async (moment: number): Promise<void> => {
    const before = interruptions;
    await settle();
    for (let [next] = timers; next !== undefined && next.due <= moment; [next] = timers) {
      ahead += Math.max(0, next.due - now());
      fire(next);
      await settle();
      if (interruptions > before) return arm();
    }
    ahead += Math.max(0, moment - now());
    arm();
  };

  return {
    now,
    ahead: () => ahead,
    after: (milliseconds, callback) => {
      const timer: Timer = { due: now() + Math.max(0, milliseconds), callback };
      const place = timers.findIndex(({ due }) => due > timer.due);
      timers = timers.toSpliced(place === -1 ? timers.length : place, 0, timer);
      arm();
      return () => {
        timers = timers.filter((other) => other !== timer);
        arm();
      };
    },
    jumpTo: (moment) => {
      jump = jump.then(() => go(moment));
      return jump;
    },
    hold: (work) => void held.push(work),
    interrupt: () => {
      interruptions += 1;
    },
  };
}
