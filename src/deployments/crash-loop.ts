import { type BreakerThreshold, usualThreshold } from "./service.ts";
import type { StoppedTask, Survivor } from "./stopped-tasks/read.ts";
import type { Track } from "./track.ts";

/** Failed starts that are always borne: fewer open no breaker that goes by percents. */
const leastFailures = 3;

/** Milliseconds that a program must have run for its end not to be a failed start. */
const startedAfter = 300_000;

/**
 * Milliseconds from the first failed start to the last, where no breaker says how many are too many. Databases that fail over,
 * names that are new and secrets that rotate are back by then; what still ends then is not waiting for any of these.
 */
const patience = 300_000;

/**
 * Do tasks of ours end as fast as ECS starts them, with nothing to end that? Whether ECS counts a task that reached RUNNING and
 * then exits by itself is not documented, and was not always so; without a breaker it goes on for ever in any case.
 *
 * Too many are as many as open ECS's own breaker, and one more, so that ECS goes first where it counts them: whoever has set a
 * breaker has said what is borne. Without a breaker it is as many as its default, and they must have come over five minutes:
 * a start that fails a few times until what it needs is there is no loop, nor is one of which a task lives on, longer than all that
 * have failed.
 * Source: deployment-circuit-breaker and service-throttle-logic in the developer guide.
 * @param now milliseconds since 1970
 */
export function isCrashLoop(track: Track, now: number): boolean {
  const { aim, service, stopped, survivor, tasksRefused } = track;
  const { breaker } = service.rollout;
  const most = mostFailures(breaker?.threshold ?? usualThreshold, service.desiredCount);
  if (tasksRefused !== null) {
    return lostTasks(track) > most + service.desiredCount && (breaker !== null || now - aim.begun >= patience);
  }
  const failed = failedStarts(stopped);
  const [first, last] = [failed.at(0), failed.at(-1)];
  if (first === undefined || last === undefined || failed.length <= most) return false;
  if (breaker === null && last.at - first.at < patience) return false;
  return survivor === null || !livesOn(survivor, failed, now);
}

/** Is it healthy, or has it lived longer than all that have failed? @param now milliseconds since 1970 */
export function livesOn({ isHealthy, startedAt }: Survivor, failed: readonly StoppedTask[], now: number): boolean {
  return isHealthy || now - startedAt > Math.max(...failed.map(({ lived }) => lived));
}

/** Have so many starts failed that it matters whether a task lives on? */
export function mayBeCrashLoop({ stopped, service }: Pick<Track, "stopped" | "service">): boolean {
  const threshold = service.rollout.breaker?.threshold ?? usualThreshold;
  return failedStarts(stopped).length > mostFailures(threshold, service.desiredCount);
}

/** As ECS computes it. Source: deployment-circuit-breaker in the developer guide, "Failure threshold". */
function mostFailures({ type, value }: BreakerThreshold, desiredCount: number): number {
  const share = Math.ceil((value / 100) * desiredCount);
  switch (type) {
    case "BOUNDED_PERCENT":
      return Math.min(200, Math.max(leastFailures, share));
    case "UNBOUNDED_PERCENT":
      return Math.max(leastFailures, share);
    case "COUNT":
      return Math.max(leastFailures, value);
  }
}

/** Tasks that ended before they can be said to have started, for a reason of their own, oldest first. */
export function failedStarts(stopped: readonly StoppedTask[]): readonly StoppedTask[] {
  return stopped.filter(
    ({ isOver, code, lived }) =>
      isOver && (code === "EssentialContainerExited" || code === "TaskFailedToStart") && lived < startedAfter,
  );
}

/**
 * Tasks that went without being told to, where none may be looked at: those that there were and those that ECS started, less those
 * that it stopped and those that there are. Texts as service-event-messages-list in the developer guide has them.
 */
function lostTasks({ aim, events, service, tasksAtFirst }: Track): number {
  let expected = tasksAtFirst;
  for (const { at, text } of events) {
    if (at < aim.begun) continue;
    const [, done, count] = /has (started|stopped) (\d+) /.exec(text.untrusted) ?? [];
    const [, pending] = /stopped (\d+) pending tasks/.exec(text.untrusted) ?? [];
    if (count !== undefined) expected += done === "started" ? Number(count) : -Number(count);
    else if (pending !== undefined) expected -= Number(pending);
  }
  return expected - service.runningCount - service.pendingCount;
}
