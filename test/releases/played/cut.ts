import { Cancelled } from "../../../src/domain/errors.ts";
import { refusal, reset } from "./refusal.ts";
import type { OutsideCall, Wire } from "./wire.ts";

/**
 * What befalls a process at one of its calls.
 * - `killed before`, `killed after`: it is gone (SIGKILL); the call was not made, or was.
 * - `call lost`, `answer lost`: its connection breaks; the process goes on.
 * - `cancelled`: SIGINT while the call is made; the runner kills it ten seconds later.
 * - `paused`: it stands still for longer than any lease. AWS then refuses the call, whose signature is five minutes old
 *   (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html).
 */
export type Mishap = "killed before" | "killed after" | "call lost" | "answer lost" | "cancelled" | "paused";

export const mishaps: readonly Mishap[] = [
  "killed before",
  "killed after",
  "call lost",
  "answer lost",
  "cancelled",
  "paused",
];

export interface Cut {
  readonly wire: Wire;
  /** Resolves when the process is gone. */
  readonly gone: Promise<"gone">;
  /** The call that was struck; null: there were fewer. */
  struck(): OutsideCall | null;
}

export interface Strike {
  /** Counts from 0; or the first call that is so. */
  readonly at: number | ((call: OutsideCall) => boolean);
  readonly mishap: Mishap;
  /** What a signal does. */
  readonly cancel: (reason: Error) => void;
  /** Kills it after so long. */
  readonly after: (milliseconds: number, callback: () => void) => void;
  /** Lets an hour pass for everybody else. */
  readonly pause: () => Promise<void>;
}

/** The wire of a process that something befalls at one of its calls. */
export function cutAt({ at, mishap, cancel, after, pause }: Strike): Cut {
  const gone = Promise.withResolvers<"gone">();
  let goneNow = false;
  const isGone = (): boolean => goneNow;
  let count = 0;
  let struck: OutsideCall | null = null;
  const kill = (): void => {
    goneNow = true;
    gone.resolve("gone");
  };
  const wire: Wire = async (call, effect) => {
    if (isGone()) return never();
    const isStruck = struck === null && (typeof at === "number" ? count === at : at(call));
    count += 1;
    if (!isStruck) {
      const answer = await effect();
      return isGone() ? never() : answer;
    }
    struck = call;
    switch (mishap) {
      case "killed before":
        kill();
        return never();
      case "killed after":
        await effect().catch(() => undefined);
        kill();
        return never();
      case "call lost":
        throw reset();
      case "answer lost":
        await effect().catch(() => undefined);
        throw reset();
      case "cancelled":
        after(10_000, kill);
        cancel(new Cancelled("Cancelled by SIGINT."));
        return effect();
      case "paused":
        await pause();
        if (call.to === "registry" || call.to === "dagster") return effect();
        throw refusal("InvalidSignatureException", 403, "Signature expired");
    }
  };
  return { wire, gone: gone.promise, struck: () => struck };
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}
