import { createInterface } from "node:readline";

/** Asks whoever sits at the terminal, on standard error. Anything but yes is no; Ctrl-C is neither. @throws what the signal says */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  process.stderr.write(`${question} [y/N] `);
  // Without raw mode: Ctrl-C stays a signal.
  const typed = createInterface({ input: process.stdin, terminal: false });
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) abort();
      typed.once("line", resolve);
      typed.once("close", () => resolve(""));
    });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    typed.close();
    process.stdin.pause();
  }
}
