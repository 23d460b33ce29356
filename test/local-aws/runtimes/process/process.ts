import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { killGroup, type Processes } from "../../backing/processes.ts";
import { followLines } from "../tasks/lines.ts";
import type { StartedContainer } from "../tasks/maker.ts";
import type { ContainerProcess } from "./container-process.ts";

/** Processes that left the group may hold the output open; a container does not wait for them longer than this. */
const outputLimitMilliseconds = 2_000;

/** Starts the process of a container. */
export function startProcess(
  processes: Processes,
  process: ContainerProcess,
  onLine: (line: string) => void,
): StartedContainer {
  const [program = "", ...args] = process.command;
  const child = processes.start({ ...process, program, args });
  followLines(child, onLine);
  const exited = exitCodeOf(child);
  return {
    started: once(child, "spawn").then(() => undefined),
    exited: exited.then((code) => ({ code })),
    written: exited.then(() =>
      Promise.race([outputEnd(child), sleep(outputLimitMilliseconds, undefined, { ref: false })]),
    ),
    terminate: () => void child.kill("SIGTERM"),
    kill: () => kill(child),
    passes: (command, timeoutMilliseconds) => runCheck(processes, process, command, timeoutMilliseconds),
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

async function outputEnd({ stdout, stderr }: ChildProcess): Promise<void> {
  for (const stream of [stdout, stderr]) if (stream !== null && !stream.closed) await once(stream, "close");
}

/** @returns whether the command ended by itself with exit code 0, in time. */
async function runCheck(
  processes: Processes,
  { environment, folder }: ContainerProcess,
  [program = "", ...args]: readonly string[],
  timeoutMilliseconds: number,
): Promise<boolean> {
  const child = processes.start({ program, args, environment, folder });
  if (child.pid === undefined) return false;
  child.stdout?.resume();
  child.stderr?.resume();
  const tooLong = setTimeout(() => kill(child), timeoutMilliseconds);
  const code = await exitCodeOf(child);
  clearTimeout(tooLong);
  return code === 0;
}
