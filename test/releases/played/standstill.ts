/**
 * Does something while fake time stands still. The fake clock waits for real timers and for file reads, and moves on while a file is
 * closed: whoever waits meanwhile would find that minutes have passed. It must not wait for fake time itself.
 */
export async function standstill<T>(work: () => T | Promise<T>): Promise<T> {
  const held = setInterval(() => undefined, 1000);
  try {
    return await work();
  } finally {
    clearInterval(held);
  }
}
