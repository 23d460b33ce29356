import type { Bed } from "./bed.ts";
import { bounds } from "./breaker.ts";
import { countsAsHealthy } from "./health.ts";
import { isLive, isStaged, primaryOf, tasksOf, type Deployment, type Service, type Task } from "./state.ts";

/** The tasks of a service as its scheduler sorts them. */
export interface Measure {
  readonly primary: Deployment;
  /** All that were not told to stop. */
  readonly live: readonly Task[];
  /** Live ones that the PRIMARY deployment counts on. */
  readonly own: readonly Task[];
  /** Live ones that it replaces. */
  readonly old: readonly Task[];
  /** Live ones that fail their checks, of whichever deployment. */
  readonly condemned: readonly Task[];
  /** Bounds of RUNNING and PENDING tasks, and of healthy ones. */
  readonly most: number;
  readonly least: number;
}

export function measure(bed: Bed, service: Service): Measure {
  const primary = primaryOf(service);
  const live = tasksOf(bed.state, service).filter(isLive);
  const sound = live.filter(({ condemned }) => condemned === null);
  return {
    primary,
    live,
    own: sound.filter((task) => isOf(task, primary)),
    old: sound.filter((task) => !isOf(task, primary)),
    condemned: live.filter(({ condemned }) => condemned !== null),
    // Both run at full count beside each other: percentages are for rolling updates.
    ...bounds(isStaged(service.configuration) ? {} : service.configuration, service.desiredCount),
  };
}

export function isOf(task: Task, deployment: Deployment): boolean {
  return task.deployment === deployment && !task.outdated;
}

/** How many tasks a deployment should have that is being replaced: as many as the new ones do not make up for yet. */
export function wantedOf(service: Service, { own }: Measure, older: Deployment): number {
  return Math.min(older.wanted, service.desiredCount - own.filter(countsAsHealthy).length);
}
