import type { BedClock } from "./clock.ts";

/** The machine's time, ahead by as much as a test has moved it. */
export interface MovableClock extends BedClock {
  /** Moves time forward, at once; timers that fall due meanwhile fire, in order. */
  move(milliseconds: number): void;
  /** What the bed's time was at a moment of the machine's. */
  at(machineMilliseconds: number): number;
}

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

/** Timers never keep the process alive. */
export function createMovableClock(): MovableClock {
  /** From when on, in the machine's time, the bed was how far ahead; newest first. */
  let moves: readonly { readonly from: number; readonly ahead: number }[] = [{ from: 0, ahead: 0 }];
  const timers = new Map<Timer, NodeJS.Timeout>();

  const at = (machine: number): number => machine + (moves.find(({ from }) => from <= machine)?.ahead ?? 0);
  const now = (): number => at(Date.now());
  const fire = (timer: Timer): void => {
    if (timers.delete(timer)) timer.callback();
  };
  const arm = (timer: Timer): void => {
    clearTimeout(timers.get(timer));
    timers.set(timer, setTimeout(() => fire(timer), Math.max(0, timer.due - now())).unref());
  };

  return {
    now,
    at,
    after: (milliseconds, callback) => {
      const timer = { due: now() + milliseconds, callback };
      arm(timer);
      return () => {
        clearTimeout(timers.get(timer));
        timers.delete(timer);
      };
    },
    move: (milliseconds) => {
      moves = [{ from: Date.now(), ahead: (moves[0]?.ahead ?? 0) + milliseconds }, ...moves];
      const inOrder = [...timers.keys()].sort((a, b) => a.due - b.due);
      for (const timer of inOrder) arm(timer);
    },
  };
}
