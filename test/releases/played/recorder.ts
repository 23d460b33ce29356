import { showCall, type Wire } from "./wire.ts";

/** What went over a wire. */
export interface Recorder {
  readonly wire: Wire;
  /** The writes, as people read them. */
  readonly writes: string[];
  readonly calls: () => number;
}

export function recorder(): Recorder {
  const writes: string[] = [];
  let calls = 0;
  const wire: Wire = (call, effect) => {
    calls += 1;
    if (call.writes) writes.push(showCall(call));
    return effect();
  };
  return { wire, writes, calls: () => calls };
}
