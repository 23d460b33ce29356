import { setTimeout as sleep } from "node:timers/promises";
import {
  firstPause,
  type HealthCheckSettings,
  type HealthStatus,
  judgeHealth,
  pauseAfter,
  unknownHealth,
} from "./health-check.ts";
import type { LogStream } from "./logs.ts";
import type { Exit, MadeContainer, StartedContainer } from "./maker.ts";

/** A container that was started, with its log and its health check. */
export interface Container {
  /** Rejects when it cannot be started. */
  readonly started: Promise<void>;
  /** When it is gone and its last line has arrived. Never settles when it did not start. */
  readonly exited: Promise<Exit>;
  /** The signal to stop now, SIGKILL to all it has started when it still runs after its stop timeout. */
  stop(): void;
  /** SIGKILL now. */
  kill(): void;
}

export interface ContainerRequest {
  readonly made: MadeContainer;
  readonly log: LogStream;
  readonly stopTimeoutSeconds: number;
  readonly healthCheck: HealthCheckSettings | null;
  /** A check has changed its mind. */
  readonly onHealth: (status: HealthStatus) => void;
}

/** Starts a container, its log and its health check. */
export function startContainer(request: ContainerRequest): Container {
  const { made, log, stopTimeoutSeconds, healthCheck, onHealth } = request;
  const container = made.start((line) => log.write(line));
  const over = new AbortController();
  const exited = container.exited.then(async (exit) => {
    over.abort();
    await container.written;
    await log.flush();
    return exit;
  });
  if (healthCheck !== null)
    void container.started.then(
      () => checkHealth(container, healthCheck, onHealth, over.signal),
      () => undefined,
    );
  return {
    started: container.started,
    exited,
    stop: () => {
      container.terminate();
      const tooLong = setTimeout(() => container.kill(), stopTimeoutSeconds * 1000);
      over.signal.addEventListener("abort", () => clearTimeout(tooLong));
    },
    kill: () => container.kill(),
  };
}

async function checkHealth(
  container: StartedContainer,
  settings: HealthCheckSettings,
  onHealth: (status: HealthStatus) => void,
  over: AbortSignal,
): Promise<void> {
  const start = performance.now();
  let state = unknownHealth;
  await pause(firstPause(settings), over);
  while (!isOver(over)) {
    const passed = await container.passes(settings.command, settings.timeoutMilliseconds);
    if (isOver(over)) return;
    const next = judgeHealth(settings, state, passed, performance.now() - start);
    if (next.status !== state.status && next.status !== "UNKNOWN") onHealth(next.status);
    state = next;
    await pause(pauseAfter(settings, state), over);
  }
}

async function pause(milliseconds: number, over: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal: over }).catch(() => undefined);
}

/** In a function of its own: a signal changes while others wait, which the compiler cannot see. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}
