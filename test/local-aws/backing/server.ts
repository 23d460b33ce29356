import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { killGroup, type Processes, type ProcessRequest } from "./processes.ts";

/** A server behind the gateway, run as a child of the bed. */
export interface Server {
  /** Resolves when it is gone; SIGKILL when it does not go by itself. */
  stop(): Promise<void>;
}

export interface ServerRequest extends ProcessRequest {
  /** As it is called in errors. */
  readonly name: string;
  /** Does it answer yet? Asked again and again until it does. A rejection means no. */
  readonly ready: (signal: AbortSignal) => Promise<boolean>;
  readonly stopSignal: NodeJS.Signals;
}

const startLimitMilliseconds = 60_000;
const stopLimitMilliseconds = 5_000;
const tailLines = 20;

/**
 * Starts a server and waits until it answers.
 * @throws Error with the last lines it wrote when it ends before, or does not answer within a minute.
 */
export async function startServer(processes: Processes, request: ServerRequest): Promise<Server> {
  const child = processes.start(request);
  const tail = followOutput(child);
  const settled = new AbortController();
  const failure = await Promise.race([outcomeOf(child), untilReady(request, settled.signal)]);
  settled.abort();
  if (failure !== null) {
    if (child.pid !== undefined) killGroup(child.pid);
    throw new Error([`${request.name} did not start: ${failure}`, ...tail()].join("\n  "));
  }
  return { stop: () => stop(child, request.stopSignal) };
}

/** Runs a program to its end. @throws Error with the last lines it wrote when its exit code is not 0. */
export async function runToEnd(
  processes: Processes,
  request: ProcessRequest & { readonly name: string },
): Promise<void> {
  const child = processes.start(request);
  const tail = followOutput(child);
  const failure = await outcomeOf(child);
  if (failure !== "exit code 0") throw new Error([`${request.name} failed: ${failure}`, ...tail()].join("\n  "));
}

/** What its end, or the failure to start it at all, is called. */
async function outcomeOf(child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    return code === null ? `ended by ${signal}` : `exit code ${code}`;
  } catch (error) {
    return String(error);
  }
}

/** @returns null as soon as it answers, or why it did not. */
async function untilReady({ ready }: ServerRequest, settled: AbortSignal): Promise<string | null> {
  const waiting = AbortSignal.any([settled, AbortSignal.timeout(startLimitMilliseconds)]);
  while (!waiting.aborted) {
    if (await ready(waiting).catch(() => false)) return null;
    await sleep(20);
  }
  return `no answer within ${startLimitMilliseconds / 1000} s`;
}

/** @returns a look at the last lines of its output. */
function followOutput({ stdout, stderr }: ChildProcess): () => readonly string[] {
  let lines: readonly string[] = [];
  for (const stream of [stdout, stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on("line", (line) => {
      lines = [...lines, line].slice(-tailLines);
    });
  }
  return () => lines;
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const { pid } = child;
  const gone = once(child, "exit");
  child.kill(signal);
  const tooLong = setTimeout(() => killGroup(pid), stopLimitMilliseconds);
  await gone;
  clearTimeout(tooLong);
}
