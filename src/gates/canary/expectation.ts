import type { CanaryRun } from "../../domain/canary.ts";

/** The run that is to succeed, and what is to be proved of it. */
export interface CanaryExpectation extends CanaryRun {
  /** Name of the code location. */
  readonly location: string;
  readonly cluster: string;
  /** Full reference of the image that it must run. */
  readonly image: string;
  /** ECS services in whose processes runs of the location live; none: each run is a task of its own. */
  readonly holders: readonly string[];
  /** Tags of the run, so that people know where it comes from, and we know ours again: no other release has the same. */
  readonly tags: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
}
