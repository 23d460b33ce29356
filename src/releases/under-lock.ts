import type { Context } from "../domain/context.ts";
import { type HeldLock, takeLock } from "./lock.ts";
import { type Session, settled } from "./session.ts";

/**
 * Does something that writes: with the lock, on what is there once it is held. What throws gives the lock back; what ends well has
 * settled itself what becomes of it. The webserver's task goes in any case.
 * @throws what the work throws; UserError of kind `locked`
 */
export async function underLock<T>(
  context: Context,
  session: Session,
  work: (now: Session, lock: HeldLock) => Promise<T>,
): Promise<T> {
  const lock = await takeLock(session.records, context, session.request);
  try {
    return await work(await settled(session, lock), lock);
  } catch (error) {
    await lock.giveBack();
    throw error;
  } finally {
    await session.webserver.close();
  }
}
