import type { Context, Report } from "../domain/context.ts";
import { Cancelled } from "../domain/errors.ts";

/**
 * Real time, and a signal that aborts when the runner cancels the job: SIGINT first, SIGTERM 7.5 s later, then the end; a terminal that is closed sends SIGHUP. A signal that
 * comes again (a terminal sends it to the whole group) changes nothing: what is being closed must not be cut off.
 */
export function processContext(report: Report): Context {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => controller.abort(new Cancelled(`Cancelled by ${name}.`)));
  }
  return { clock: realClock, signal: controller.signal, report };
}

const realClock: Context["clock"] = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      const abort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason instanceof Error ? signal.reason : new Cancelled());
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", abort);
        resolve();
      }, milliseconds);
      if (signal?.aborted === true) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    }),
};
