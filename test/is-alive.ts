import { existsSync } from "node:fs";

/**
 * Whether a process still does something. One that has ended may stay in the table until its parent has read its exit code; and who
 * sees its pipes closed may see it there as running for a moment. Linux takes a process's memory before it closes its files, and with
 * the memory goes the link to its program.
 */
export function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}/exe`);
}
