import type { Evidence } from "./evidence.ts";
import type { Digest } from "./identifiers.ts";

/** One immutable version of a task definition. */
export interface Revision {
  readonly family: string;
  readonly revision: number;
}

/** `family:7` */
export function showRevision({ family, revision }: Revision): string {
  return `${family}:${revision}`;
}

/** @returns null when the text is not `family:number`, nor an ARN that ends so. */
export function parseRevision(text: string): Revision | null {
  const [, family, revision] = /^(?:arn:[^/]*\/)?([A-Za-z0-9_-]{1,255}):(\d+)$/.exec(text) ?? [];
  return family === undefined ? null : { family, revision: Number(revision) };
}

export function sameRevision(a: Revision | null, b: Revision | null): boolean {
  return a?.family === b?.family && a?.revision === b?.revision;
}

/**
 * How one deployment of one service ended.
 * - `succeeded`: ours is primary and complete, on our revision and digests, with the wanted count.
 * - `unchanged`: there was nothing to do, and what runs was looked at.
 * - `rolled-back`: ECS took it back to an older revision.
 * - `failed`: it will not complete, and nothing was taken back by ECS.
 * - `superseded`: somebody began a newer deployment.
 * - `timed-out`, `cancelled`: we stopped waiting; ECS goes on.
 */
export type VerdictKind =
  | "succeeded"
  | "unchanged"
  | "rolled-back"
  | "failed"
  | "superseded"
  | "timed-out"
  | "cancelled";

/** Why it ended so. `id` is stable and can be matched by tools. */
export interface Cause {
  readonly id: string;
  readonly what: string;
  readonly fix: string | null;
}

/** Something that happened in a deployment, in our own words. */
export interface Moment {
  /** Since it began. */
  readonly seconds: number;
  readonly what: string;
}

export interface Verdict {
  /** Name of the ECS service. */
  readonly service: string;
  readonly verdict: VerdictKind;
  /** `ecs-svc/…`; null when none was begun. */
  readonly deploymentId: string | null;
  readonly from: Revision | null;
  readonly to: Revision | null;
  /** Digests that were seen running, by container name. */
  readonly digests: Readonly<Record<string, Digest>>;
  readonly cause: Cause | null;
  readonly evidence: readonly Evidence[];
  /** What happened, in that order; empty when nothing was begun. */
  readonly story: readonly Moment[];
  /** Where AWS's console shows it; null when that is not known. */
  readonly page: string | null;
  readonly seconds: number;
}

/** Green is success, or nothing to do. Everything else is red. */
export function isGood(verdict: VerdictKind): boolean {
  return verdict === "succeeded" || verdict === "unchanged";
}
