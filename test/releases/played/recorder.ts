import { showCall, type Wire } from "./wire.ts";

/** What went over a wire. */
export interface Recorder {
  readonly wire: Wire;
  /** The writes, as people read them. */
  readonly writes: string[];
  /** Different ones: how often one thing is looked at, or a lock renewed, depends on the time that everything takes. */
  readonly calls: () => number;
}

export function recorder(): Recorder {
  const writes: string[] = [];
  const calls = new Set<string>();
  const wire: Wire = (call, effect) => {
    calls.add(showCall(call));
    if (call.writes) writes.push(showCall(call));
    return effect();
  };
  return { wire, writes, calls: () => calls.size };
}
