import { rm } from "node:fs/promises";
import type { RuntimeObserver, RuntimeTask } from "../../runtime.ts";
import { type Container, startContainer } from "./container.ts";
import { healthCheckSettings } from "./health-check.ts";
import { type PreparedContainer, type PrepareOptions, prepareTask, startFailure, type TaskPlace } from "./prepare.ts";
import { type Dependency, dependenciesOf, isEssential } from "./task-plan.ts";

/** A task that is being played. */
export interface PlayedTask {
  readonly task: RuntimeTask;
  readonly address: string;
  /** Every check of its containers has passed, if there are any, and the last one of each did. */
  readonly passing: boolean;
  /** It has been told to stop, or stops by itself. */
  readonly leaving: boolean;
  /** Resolves when nothing of it is left. */
  readonly over: Promise<void>;
  /** SIGTERM to all its containers; what has not started does not. */
  stop(): void;
  /** SIGKILL to all its containers. */
  kill(): void;
}

const stopTimeoutSeconds = 30;

/** Begins to play a task; what happens to it is told to the observer. */
export function playTask(
  options: PrepareOptions,
  task: RuntimeTask,
  place: TaskPlace,
  observer: RuntimeObserver,
): PlayedTask {
  const stopping = new AbortController();
  const running = new Set<Container>();
  const failing = new Set(containersWithChecks(task));
  const stop = (): void => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    for (const container of running) container.stop();
  };

  const play = async (): Promise<void> => {
    observer.address(place.address);
    let prepared: readonly PreparedContainer[];
    try {
      prepared = await prepareTask(options, task, place, observer);
    } catch (error) {
      return observer.failedToStart(startFailure(error));
    }
    const stages = new Map(prepared.map(({ name }) => [name, newStages()]));
    await Promise.all(prepared.map((container) => run(container, stages)));
  };

  const run = async (prepared: PreparedContainer, stages: ReadonlyMap<string, Stages>): Promise<void> => {
    const { name, definition, made, log } = prepared;
    const own = stages.get(name) ?? newStages();
    const obstacle = await released(name, dependenciesOf(definition), stages, stopping.signal);
    if (obstacle !== null || stopping.signal.aborted) {
      own.exited.resolve(null);
      if (obstacle !== null && !stopping.signal.aborted && isEssential(definition)) {
        observer.failedToStart(obstacle);
        stop();
      }
      return;
    }
    const container = startContainer({
      made,
      log,
      stopTimeoutSeconds: definition.stopTimeout ?? stopTimeoutSeconds,
      healthCheck: healthCheckSettings(definition.healthCheck),
      onHealth: (status) => {
        if (status === "HEALTHY") {
          failing.delete(name);
          own.healthy.resolve();
        } else failing.add(name);
        observer.health(name, status);
      },
    });
    running.add(container);
    try {
      await container.started;
    } catch (error) {
      running.delete(container);
      own.exited.resolve(null);
      observer.failedToStart(startFailure(error));
      return stop();
    }
    own.started.resolve();
    observer.started(name);
    const { code, reason } = await container.exited;
    running.delete(container);
    own.exited.resolve(code);
    observer.exited(name, code, reason);
    if (isEssential(definition)) stop();
  };

  return {
    task,
    address: place.address,
    get passing() {
      return failing.size === 0;
    },
    get leaving() {
      return stopping.signal.aborted;
    },
    // What cannot be removed now goes with the bed's folder.
    over: play().then(() => rm(place.folder, { recursive: true, force: true }).catch(() => undefined)),
    stop,
    kill: () => {
      stopping.abort();
      for (const container of running) container.kill();
    },
  };
}

function containersWithChecks({ definition }: RuntimeTask): readonly string[] {
  const checked = definition.containerDefinitions?.filter(
    ({ healthCheck }) => healthCheckSettings(healthCheck) !== null,
  );
  return (checked ?? []).map(({ name }) => name ?? "");
}

/** What other containers may wait for. */
interface Stages {
  readonly started: PromiseWithResolvers<void>;
  readonly healthy: PromiseWithResolvers<void>;
  /** Null when it never ran. */
  readonly exited: PromiseWithResolvers<number | null>;
}

function newStages(): Stages {
  return {
    started: Promise.withResolvers(),
    healthy: Promise.withResolvers(),
    exited: Promise.withResolvers(),
  };
}

/**
 * Waits until a container may start, or its task is to stop.
 * @returns null, or why what it waits for can no longer come, as the ECS agent words it.
 */
async function released(
  name: string,
  dependencies: readonly Dependency[],
  stages: ReadonlyMap<string, Stages>,
  stopping: AbortSignal,
): Promise<string | null> {
  const stopped = new Promise<null>((resolve) => stopping.addEventListener("abort", () => resolve(null)));
  const obstacles = dependencies.map(async ({ container, condition }) => {
    if (await comes(condition, stages.get(container))) return null;
    const why = `as dependency did not reach ${condition}`;
    return `dependency graph: failed to resolve container dependency [${container}] for target [${name}] ${why}`;
  });
  const first = Promise.all(obstacles).then((all) => all.find((obstacle) => obstacle !== null) ?? null);
  return Promise.race([first, stopped]);
}

/** Does the other container come to where it is waited for? */
async function comes(condition: Dependency["condition"], stages: Stages | undefined): Promise<boolean> {
  if (stages === undefined) return false;
  const { started, healthy, exited } = stages;
  switch (condition) {
    case "START":
      return Promise.race([started.promise.then(() => true), exited.promise.then((code) => code !== null)]);
    case "HEALTHY":
      return Promise.race([healthy.promise.then(() => true), exited.promise.then(() => false)]);
    case "COMPLETE":
      return (await exited.promise) !== null;
    case "SUCCESS":
      return (await exited.promise) === 0;
  }
}
