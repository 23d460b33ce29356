import { getState, saveState } from "@actions/core";

/** The action holds, or may hold, what its post step has to give back: the runner keeps that between the two. */
export function markOpen(): void {
  saveState("open", "true");
}

/** The action has ended all that it had begun. */
export function markClosed(): void {
  saveState("open", "false");
}

/** Has this step left something that is to be given back? Asked in its post step. */
export function wasOpen(): boolean {
  return getState("open") === "true";
}
