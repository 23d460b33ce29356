import type { PlayedAccount } from "./account.ts";
import { type OutsideCall, showCall, type Wire } from "./wire.ts";

/** Lets somebody deploy who is gone before the first call that is so: neither that one nor any later one is made. */
export async function killedBefore(
  { clock }: PlayedAccount,
  when: (call: OutsideCall) => boolean,
  deploy: (wire: Wire) => Promise<unknown>,
): Promise<void> {
  const gone = Promise.withResolvers<"gone">();
  let isGone = false;
  const wire: Wire = (call, effect) => {
    isGone ||= when(call);
    if (!isGone) return effect();
    gone.resolve("gone");
    return new Promise(() => undefined);
  };
  const end = await clock.run(Promise.race([gone.promise, deploy(wire)]));
  if (end !== "gone") throw new Error("the deploy came to its end before any such call");
}

/** The same, who is gone after so many different calls. */
export function killedAfter(
  account: PlayedAccount,
  calls: number,
  deploy: (wire: Wire) => Promise<unknown>,
): Promise<void> {
  const made = new Set<string>();
  const isOver = (call: OutsideCall): boolean => made.add(showCall(call)).size > calls;
  return killedBefore(account, isOver, deploy);
}
