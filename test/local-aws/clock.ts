/** Time of the test bed. Timers of one moment fire in the order in which they were set. */
export interface BedClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls back once, after at least this many milliseconds. @returns what takes the call back */
  after(milliseconds: number, callback: () => void): () => void;
}

/** The machine's own time. Its timers never keep a process alive. */
export const realClock: BedClock = {
  now: () => Date.now(),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, milliseconds).unref();
    return () => clearTimeout(timer);
  },
};
