import type { Result } from "./result.ts";

/**
 * A release that failed, was cancelled or was refused carries what there is to tell of it: ReleaseFailed, ReleaseCancelled, ReleaseLost
 * and PlanRefused. Known by this member, since their classes are loaded with AWS's clients only.
 */
export function resultIn(error: unknown): Result | null {
  return error instanceof Error && "result" in error ? (error.result as Result) : null;
}
