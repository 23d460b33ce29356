import { failedStarts, livesOn } from "./crash-loop.ts";
import { type Failure, failureOf, suspects } from "./stopped-tasks/explain.ts";
import { logAdviceOf } from "./stopped-tasks/log-advice.ts";
import type { StoppedTask } from "./stopped-tasks/read.ts";
import type { Track } from "./track.ts";

/**
 * Would the next task fail as well? Two that failed alike are enough, where nothing that passes by itself is in the way: an image, a
 * secret or a right that is missing; or a container that exits with the same code after the same words, one task after the other. A
 * task that lives on meanwhile, longer than these, says otherwise.
 * @param now milliseconds since 1970
 */
export function canOnlyRepeat({ aim, stopped, survivor, lastWords }: Track, now: number): boolean {
  // What failed before anybody waited here may have been mended since.
  const pair = lastTwo(stopped.filter(({ at }) => at >= aim.begun));
  if (pair === null) return false;
  const { failure, former, last } = pair;
  if (survivor !== null && livesOn(survivor, [former, last], now)) return false;
  if (failure.repeats) return true;
  if (!isExit(pair)) return false;
  const words = lastWords[last.id] ?? "";
  return words !== "" && words === lastWords[former.id] && logAdviceOf(words)?.passes !== true;
}

/** Tasks that ended alike, and of which it is not known yet whether their last words were the same; the last one's may be cut short. */
export function wordsToRead({ stopped, lastWords }: Pick<Track, "stopped" | "lastWords">): readonly StoppedTask[] {
  const pair = lastTwo(stopped);
  if (pair === null || !isExit(pair)) return [];
  const { former, last } = pair;
  const [before, now] = [former, last].map(({ id }) => lastWords[id] ?? "");
  if (before !== "" && before === now) return [];
  return before === "" ? [former, last] : [last];
}

/** Has one failed, and does another one end just now? What its containers did is known soon, and nothing of the service tells when. */
export function mayBeSecond({ stopped }: Pick<Track, "stopped">): boolean {
  return failedStarts(stopped).length > 0 && stopped.some(({ isOver }) => !isOver);
}

/** May so many have failed that it matters whether a task lives on? */
export function mayOnlyRepeat({ stopped }: Pick<Track, "stopped">): boolean {
  return lastTwo(stopped) !== null;
}

/** Lines of a log that are compared. */
const compared = 5;

/** What differs from one start to the next, and says nothing: ids, moments, addresses, processes, durations. */
const passing = [
  /\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|\b0x[0-9a-f]+\b|\b[0-9a-f]{12,}\b/gi,
  /\b\d{4}-\d\d-\d\d\b|\b\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?\b/g,
  /\b\d{1,3}(?:[.-]\d{1,3}){3}(?::\d+)?\b/g,
  /\bpid[ =:]*\d+|\[\d+\]|\b\d+(?:\.\d+)? ?(?:ms|s|sec|seconds|minutes)\b|\b\d{5,}\b/gi,
];

/**
 * What a container said last, without what differs by itself. Other numbers stay: "applied 3 of 10" and "applied 6 of 10" is
 * somebody who gets on.
 */
export function comparable(log: string): string {
  const last = log.trimEnd().split("\n").slice(-compared).join("\n");
  return passing.reduce((text, what) => text.replaceAll(what, "#"), last);
}

/** The two that failed last, and alike. */
interface Pair {
  readonly former: StoppedTask;
  readonly last: StoppedTask;
  readonly failure: Failure;
}

/** Containers that went for a reason of their own count, with those that never came. @returns null when the last two differ */
function lastTwo(stopped: readonly StoppedTask[]): Pair | null {
  const failed = failedStarts(stopped).filter((task) => task.code === "TaskFailedToStart" || suspects(task).length > 0);
  const [former, last] = failed.slice(-2);
  if (former === undefined || last === undefined) return null;
  const failure = failureOf(last);
  return failureOf(former).what === failure.what ? { former, last, failure } : null;
}

/** Containers exited in both, and the later one began when the former had ended: what struck both at once may be over. */
function isExit({ former, last, failure }: Pair): boolean {
  const isExited = failure.id === "container-exited" || failure.id === "out-of-memory";
  return isExited && last.at - last.lived >= former.at;
}
