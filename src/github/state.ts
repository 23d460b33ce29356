import { getState, saveState } from "@actions/core";

/** Has the action begun what its post step may have to close? The runner keeps it between the two. */
export function markOpen(open: boolean): void {
  saveState("open", String(open));
}

export function wasOpen(): boolean {
  return getState("open") === "true";
}
