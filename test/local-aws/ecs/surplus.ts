import type { Bed } from "./bed.ts";
import { eventTexts, stoppedReasons, tell } from "./events.ts";
import { countsAsHealthy } from "./health.ts";
import { isOf, measure, type Measure } from "./measure.ts";
import { keepsSource, type Service, type Task } from "./state.ts";
import { stopTask } from "./task-life.ts";

/** Stops what a service has too much of: beyond its count, unhealthy, or being replaced. */
export function stopSurplus(bed: Bed, service: Service): void {
  const measured = measure(bed, service);
  const stops = createStops(measured);
  stopBeyondCount(service, measured, stops);
  stopCondemned(service, measured, stops);
  stopReplaced(bed, service, measured, stops);
  const running = stops.stopped.filter(({ startedAt }) => startedAt !== undefined);
  const pending = stops.stopped.filter(({ startedAt }) => startedAt === undefined);
  if (running.length > 0) tell(bed, service, eventTexts.stopped(running));
  if (pending.length > 0) tell(bed, service, eventTexts.stoppedPending(pending));
}

/** The stops of one look. */
interface Stops {
  readonly stopped: readonly Task[];
  readonly stop: (task: Task) => void;
  /** How many of these stay, and how many of those are healthy. */
  readonly staying: (tasks: readonly Task[]) => number;
  readonly healthy: (tasks: readonly Task[]) => number;
}

function createStops({ primary }: Measure): Stops {
  const stopped: Task[] = [];
  const stays = (task: Task) => !stopped.includes(task);
  return {
    stopped,
    stop: (task) => {
      stopTask(task, "ServiceSchedulerInitiated", task.condemned ?? stoppedReasons.scaling(primary));
      stopped.push(task);
    },
    staying: (tasks) => tasks.filter(stays).length,
    healthy: (tasks) => tasks.filter((task) => stays(task) && countsAsHealthy(task)).length,
  };
}

function stopBeyondCount(service: Service, { own }: Measure, { stop }: Stops): void {
  for (const task of bestFirst(own).slice(service.desiredCount)) stop(task);
}

/** Where there is room, a replacement comes first, and the unhealthy task goes once that is healthy. */
function stopCondemned(service: Service, measured: Measure, { stop, staying, healthy }: Stops): void {
  const { live, condemned, most } = measured;
  for (const task of condemned) {
    const replaced = healthy(live) >= service.desiredCount;
    const inTheWay = staying(live) >= most && isMissed(service, measured, task);
    const hopeless = task.deployment?.rolloutState === "FAILED" || isUnwanted(measured, task);
    if (replaced || inTheWay || hopeless) stop(task);
  }
}

/** A FAILED deployment replaces nothing any more: then the old ones stay up to the desired count. */
function stopReplaced(bed: Bed, service: Service, measured: Measure, { stop, staying, healthy }: Stops): void {
  const { primary, live, own, old, most, least } = measured;
  const stalled = primary.rolloutState === "FAILED";
  const needsRoom = most - staying(live) < service.desiredCount - own.length;
  const toMinimum = !stalled && (bed.rules.stopsToMinimumAtOnce || needsRoom);
  const floor = toMinimum ? least : Math.max(least, service.desiredCount);
  const kept = keepsSource(primary) ? service.lastCompleted : null;
  for (const task of bestFirst(old).toReversed()) {
    if (kept !== null && task.deployment === kept) continue;
    const counts = countsAsHealthy(task);
    const others = healthy(stalled ? old : live) - (counts ? 1 : 0);
    if (others >= floor || (!counts && isUnwanted(measured, task))) {
      stop(task);
      if (task.deployment !== null) task.deployment.wanted = Math.max(0, task.deployment.wanted - 1);
    }
  }
}

/** Belongs to something that is being replaced and need not be kept at strength. */
function isUnwanted({ primary }: Measure, task: Task): boolean {
  return !isOf(task, primary) && (task.outdated || (task.deployment?.wanted ?? 0) === 0);
}

/** Is a replacement for this task still to be started? */
function isMissed(service: Service, { primary, own, old }: Measure, task: Task): boolean {
  if (isOf(task, primary)) return own.length < service.desiredCount;
  return old.filter(({ deployment }) => deployment === task.deployment).length < (task.deployment?.wanted ?? 0);
}

/** Healthy before running before starting, and the older before the younger. */
function bestFirst(tasks: readonly Task[]): readonly Task[] {
  const worth = (task: Task) => (countsAsHealthy(task) ? 2 : task.lastStatus === "RUNNING" ? 1 : 0);
  return tasks.toSorted((a, b) => worth(b) - worth(a) || a.createdAt - b.createdAt);
}
