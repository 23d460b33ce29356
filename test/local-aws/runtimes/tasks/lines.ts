import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

/** Hands on each line of both streams of a process. */
export function followLines({ stdout, stderr }: ChildProcess, onLine: (line: string) => void): void {
  for (const stream of [stdout, stderr]) if (stream !== null) createInterface({ input: stream }).on("line", onLine);
}
