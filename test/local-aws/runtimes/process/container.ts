import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { killGroup, type Processes } from "../../backing/processes.ts";
import type { ContainerProcess } from "./container-process.ts";
import {
  firstPause,
  type HealthCheckSettings,
  type HealthStatus,
  judgeHealth,
  pauseAfter,
  unknownHealth,
} from "./health-check.ts";
import type { LogStream } from "./logs.ts";

/** A container whose process was started. */
export interface Container {
  /** Rejects when the machine refuses to start it. */
  readonly started: Promise<void>;
  /** Its exit code, when the process is gone and its last line has arrived. Never settles when it did not start. */
  readonly exited: Promise<number>;
  /** SIGTERM now, SIGKILL to all it has started when it still runs after its stop timeout. */
  stop(): void;
  /** SIGKILL now. */
  kill(): void;
}

export interface ContainerRequest {
  readonly process: ContainerProcess;
  readonly log: LogStream;
  readonly stopTimeoutSeconds: number;
  readonly healthCheck: HealthCheckSettings | null;
  /** A check has changed its mind. */
  readonly onHealth: (status: HealthStatus) => void;
}

/** Processes that left the group may hold the output open; a container does not wait for them longer than this. */
const outputLimitMilliseconds = 2_000;

/** Starts the process of a container, its log and its health check. */
export function startContainer(processes: Processes, request: ContainerRequest): Container {
  const { process, log, stopTimeoutSeconds, healthCheck, onHealth } = request;
  const [program = "", ...args] = process.command;
  const child = processes.start({ ...process, program, args });
  const { pid } = child;
  followLines(child, log);
  const over = new AbortController();
  const exited = exitCodeOf(child).then(async (code) => {
    over.abort();
    await Promise.race([outputEnd(child), sleep(outputLimitMilliseconds, undefined, { ref: false })]);
    await log.flush();
    return code;
  });
  if (healthCheck !== null && pid !== undefined) {
    void checkHealth(processes, process, healthCheck, onHealth, over.signal);
  }
  return {
    started: once(child, "spawn").then(() => undefined),
    exited,
    stop: () => {
      child.kill("SIGTERM");
      const tooLong = setTimeout(() => kill(child), stopTimeoutSeconds * 1000);
      over.signal.addEventListener("abort", () => clearTimeout(tooLong));
    },
    kill: () => kill(child),
  };
}

/** As a container runtime reports it: 128 and the signal's number for a process that a signal ended. */
function exitCodeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}

function kill({ pid }: ChildProcess): void {
  if (pid !== undefined) killGroup(pid);
}

function followLines({ stdout, stderr }: ChildProcess, log: LogStream): void {
  for (const stream of [stdout, stderr]) {
    if (stream !== null) createInterface({ input: stream }).on("line", (line) => log.write(line));
  }
}

async function outputEnd({ stdout, stderr }: ChildProcess): Promise<void> {
  for (const stream of [stdout, stderr]) if (stream !== null && !stream.closed) await once(stream, "close");
}

async function checkHealth(
  processes: Processes,
  process: ContainerProcess,
  settings: HealthCheckSettings,
  onHealth: (status: HealthStatus) => void,
  over: AbortSignal,
): Promise<void> {
  const start = performance.now();
  let state = unknownHealth;
  await pause(firstPause(settings), over);
  while (!isOver(over)) {
    const passed = await runCheck(processes, process, settings);
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

/** @returns whether the command ended by itself with exit code 0, in time. */
async function runCheck(
  processes: Processes,
  { environment, folder }: ContainerProcess,
  { command, timeoutMilliseconds }: HealthCheckSettings,
): Promise<boolean> {
  const [program = "", ...args] = command;
  const child = processes.start({ program, args, environment, folder });
  if (child.pid === undefined) return false;
  child.stdout?.resume();
  child.stderr?.resume();
  const tooLong = setTimeout(() => kill(child), timeoutMilliseconds);
  const code = await exitCodeOf(child);
  clearTimeout(tooLong);
  return code === 0;
}
