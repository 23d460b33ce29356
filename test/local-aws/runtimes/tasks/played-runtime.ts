import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../../../src/domain/errors.ts";
import type { Runtime, TargetAnswer } from "../../runtime.ts";
import type { PrepareOptions } from "./prepare.ts";
import { type PlayedTask, playTask } from "./task.ts";

export interface PlayedRuntimeOptions extends PrepareOptions {
  /** The bed's block of loopback addresses: `127.77`. */
  readonly block: string;
  /**
   * Folder in which each task gets its own. Kept short: Unix sockets are made below it, and their paths end at 107
   * bytes.
   */
  readonly folder: string;
  /** How long a task of a service goes on after it was told to stop, as if some resolver still knew its address. */
  readonly overlapSeconds: number;
}

/** Runs containers for real, by whatever maker: each task at an address of its own, with its secrets, logs and health checks. */
export interface PlayedRuntime extends Runtime {
  /** Tasks that are being played, by id. */
  readonly tasks: ReadonlyMap<string, PlayedTask>;
}

/** Addresses from `<block>.0.1` to `<block>.253.255`; what is above is the bed's own. */
const lastAddress = 253 * 256 + 255;

/**
 * A target that has never passed a check is asked again so soon, as long as the check may take: waiting proves
 * nothing.
 */
const eagerMilliseconds = 200;

export function createPlayedRuntime(options: PlayedRuntimeOptions): PlayedRuntime {
  const { overlapSeconds } = options;
  const tasks = new Map<string, PlayedTask>();
  /** Tasks that have passed a check of their load balancer. */
  const answered = new WeakSet<PlayedTask>();
  let started = 0;
  return {
    tasks,
    start: (task, observer) => {
      started += 1;
      if (started > lastAddress) return observer.failedToStart("local-aws has no address left in its block");
      const address = `${options.block}.${started >> 8}.${started & 255}`;
      const folder = join(options.folder, task.id.slice(0, 12));
      const played = playTask(options, task, { address, folder }, observer);
      tasks.set(task.id, played);
      void played.over.finally(() => tasks.delete(task.id));
    },
    stop: (taskId) => {
      const played = tasks.get(taskId);
      if (played === undefined) return;
      const lingers = played.task.group.startsWith("service:") && overlapSeconds > 0;
      if (lingers) options.clock.after(overlapSeconds * 1000, () => played.stop());
      else played.stop();
    },
    checkTarget: async (taskId, port, path, timeoutMilliseconds) => {
      const played = tasks.get(taskId);
      if (played === undefined) return { healthy: false, reason: "Target.NotRegistered" };
      const limit = performance.now() + timeoutMilliseconds;
      const url = `http://${played.address}:${port}${path}`;
      for (;;) {
        const answer = await askTarget(url, limit - performance.now());
        if (answer.healthy || answered.has(played) || performance.now() + eagerMilliseconds > limit) {
          if (answer.healthy) answered.add(played);
          return answer;
        }
        await sleep(eagerMilliseconds);
      }
    },
    close: async () => {
      for (const played of tasks.values()) played.kill();
      await Promise.all([...tasks.values()].map(({ over }) => over));
    },
  };
}

/**
 * In the words of a load balancer:
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/check-target-health.html
 */
async function askTarget(url: string, timeoutMilliseconds: number): Promise<TargetAnswer> {
  try {
    const response = await fetch(url, {
      redirect: "manual",
      headers: { connection: "close", "user-agent": "ELB-HealthChecker/2.0" },
      signal: AbortSignal.timeout(Math.max(1, Math.round(timeoutMilliseconds))),
    });
    await response.body?.cancel();
    return response.status === 200
      ? { healthy: true }
      : { healthy: false, reason: `Health checks failed with these codes: [${response.status}]` };
  } catch (error) {
    const timedOut = error instanceof DOMException && error.name === "TimeoutError";
    return { healthy: false, reason: timedOut ? "Request timed out" : `Health checks failed: ${messageOf(error)}` };
  }
}
