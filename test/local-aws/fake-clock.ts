import { setImmediate as nextTurn, setTimeout as realSleep } from "node:timers/promises";
import type { Clock } from "../../src/domain/context.ts";
import type { BedClock } from "./clock.ts";

/** Time that stands still until somebody waits for it. One clock drives the bed and the product. */
export interface FakeClock {
  /** For `createLocalAws`. */
  readonly bed: BedClock;
  /** For the product's `Context`. */
  readonly product: Clock;
  /**
   * Waits for the work and moves time to the next timer whenever everything else is idle, so that half an hour of polling
   * takes milliseconds.
   * @param limitMilliseconds of fake time; a day unless told.
   * @throws what the work throws; an Error when the limit has passed, or when nothing is left that could wake the work.
   */
  run<T>(work: Promise<T>, limitMilliseconds?: number): Promise<T>;
  /** Lets this much time pass, and everything happen that falls into it. */
  pass(milliseconds: number): Promise<void>;
  /** Something real goes on, and is looked at on the way: until it ends, time goes by as fast as the machine's. */
  accompany(work: Promise<unknown>): void;
}

const aDay = 86_400_000;

/** @param start milliseconds since 1970, or a text that `Date` reads. */
export function createFakeClock(start: number | string = "2026-11-21T10:00:00Z"): FakeClock {
  let now = typeof start === "number" ? start : Date.parse(start);
  let timers: readonly Timer[] = [];
  /** Sleeps of the product that have not ended. */
  let asleep = 0;
  /** How much goes on that is real. */
  let accompanied = 0;
  // Real timers that were there before anything began are somebody else's: the test runner's own limit.
  let resting = busyResources().timers;

  const bed: BedClock = {
    now: () => now,
    after: (milliseconds, callback) => {
      const timer: Timer = { due: now + Math.max(0, milliseconds), callback };
      // Behind those of the same moment: they fire in the order in which they were set.
      const place = timers.findIndex(({ due }) => due > timer.due);
      timers = timers.toSpliced(place === -1 ? timers.length : place, 0, timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
  };

  const fireNext = (until: number): boolean => {
    const [next, ...rest] = timers;
    if (next === undefined || next.due > until) return false;
    timers = rest;
    now = next.due;
    next.callback();
    return true;
  };

  /** @returns did time go by beside what is real? Then something may have happened. */
  const keptPace = async (until: number): Promise<boolean> => {
    const target = (): number => Math.min(timers[0]?.due ?? until, until);
    if (accompanied === 0 || now >= target()) return false;
    const since = performance.now();
    await realSleep(Math.min(stepMilliseconds, target() - now));
    now = Math.max(now, Math.min(target(), now + performance.now() - since));
    return true;
  };

  return {
    bed,
    product: {
      now: () => now,
      sleep: async (milliseconds, signal) => {
        asleep += 1;
        try {
          await sleepOn(bed, milliseconds, signal);
        } finally {
          asleep -= 1;
        }
      },
    },
    run: async (work, limitMilliseconds = aDay) => {
      const end = now + limitMilliseconds;
      const outcome = watch(work);
      for (;;) {
        resting = await settle(resting);
        if (outcome.settled) return work;
        // Work that waits for no time does something real: what cannot be seen from here, such as compressing, is waited for.
        const wakes = (): boolean => outcome.settled || asleep > 0;
        if (asleep === 0 && (await patience(wakes, timers.length === 0 ? lastWaitMilliseconds : unseenMilliseconds)))
          continue;
        if (await keptPace(end)) continue;
        if (!fireNext(end)) {
          if (timers.length === 0 && (await stillHappens(outcome, () => timers.length > 0))) continue;
          const why =
            timers.length === 0 ? "no timer is left that could wake it" : `${limitMilliseconds} ms have passed`;
          throw new Error(`the work has not ended: ${why}`);
        }
      }
    },
    pass: async (milliseconds) => {
      const end = now + milliseconds;
      do resting = await settle(resting);
      while ((await keptPace(end)) || fireNext(end));
      now = end;
    },
    accompany: (work) => {
      accompanied += 1;
      const end = (): void => {
        accompanied -= 1;
      };
      work.then(end, end);
    },
  };
}

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

function sleepOn(clock: BedClock, milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const wake = () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    };
    const abort = () => {
      takeBack();
      reject(signal?.reason instanceof Error ? signal.reason : new Error("aborted", { cause: signal?.reason }));
    };
    const takeBack = clock.after(milliseconds, wake);
    if (signal?.aborted === true) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}

function watch(work: Promise<unknown>): { readonly settled: boolean } {
  const outcome = { settled: false };
  const end = () => {
    outcome.settled = true;
  };
  work.then(end, end);
  return outcome;
}

/**
 * Resolves when all that can go on without the fake time has gone on: promises, an SDK's own retries, file reads.
 * @param resting how many real timers are somebody else's
 * @returns the same, for the next time
 */
async function settle(resting: number): Promise<number> {
  let theirs = resting;
  let busy = busyResources();
  let busySince: number | null = null;
  let busyTurns = 0; // how long something is busy is asked now and then: it is a call of the kernel
  const workedSince = (): number => {
    busySince ??= workedMilliseconds();
    return workedMilliseconds() - busySince;
  };
  // Signing, serialising and answering one call takes a few turns of the loop; none of them is visible from here.
  for (let quietTurns = 0; quietTurns < 12; quietTurns += 1) {
    await nextTurn();
    const before = busy;
    busy = busyResources();
    if (busy.timers !== before.timers || busy.files !== before.files) busySince = null;
    const isQuiet = busy.files === 0 && busy.timers <= theirs;
    const isEndless = !isQuiet && (busyTurns += 1) % 16 === 0 && longestRealWaitMilliseconds < workedSince();
    if (isQuiet || isEndless) theirs = busy.timers;
    else quietTurns = 0;
  }
  return theirs;
}

/** With nothing left to fire, only work that cannot be seen from here, a file read that began late, can go on. */
async function patience(met: () => boolean, milliseconds: number): Promise<boolean> {
  const since = workedMilliseconds();
  while (!met() && workedMilliseconds() - since < milliseconds) await nextTurn();
  return met();
}

/** A program of its own, or a thread that others keep from the processor, may take its time: only what fails waits so long for it. */
async function stillHappens(outcome: { readonly settled: boolean }, isDue: () => boolean): Promise<boolean> {
  for (let waited = 0; waited < longestUnseenMilliseconds; waited += stepMilliseconds) {
    if (outcome.settled || isDue()) return true;
    await realSleep(stepMilliseconds);
  }
  return false;
}

/** Time that this process has had of the machine: it goes by more slowly where others work too, as the work that is waited for does. */
function workedMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** At the machine's pace, time goes on in steps of at most so long. */
const stepMilliseconds = 20;

/** Real work that nothing shows takes less than this. */
const unseenMilliseconds = 250;

/** The same, where there is nothing else to go on with. */
const lastWaitMilliseconds = 4_000;

/** The same, of the machine's time, before all hope is given up. */
const longestUnseenMilliseconds = 20_000;

/** A real timer that lasts longer than this belongs to nobody whom the fake time waits for. */
const longestRealWaitMilliseconds = 2000;

/** Real timers and file reads under way. Sockets stay open between calls and say nothing about work. */
function busyResources(): { readonly timers: number; readonly files: number } {
  const resources = process.getActiveResourcesInfo();
  return {
    timers: resources.filter((resource) => resource.startsWith("Timeout")).length,
    files: resources.filter((resource) => resource.startsWith("FSReq")).length,
  };
}
