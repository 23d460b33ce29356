import type { Untrusted } from "./evidence.ts";
import type { Finding } from "./finding.ts";

/** Time, as the caller sees it: tests bring their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Rejects with the signal's reason as soon as it aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** What a capability says while it works. Whoever called it decides how that looks. */
export type Progress =
  /** A heading; what follows belongs to it until the next one. */
  | { readonly kind: "stage"; readonly title: string }
  /** Our own words, one line. */
  | { readonly kind: "line"; readonly text: string }
  /** Words of somebody else: lines of a log, a service event. `from` is our own text. */
  | { readonly kind: "foreign"; readonly from: string; readonly text: Untrusted }
  | { readonly kind: "finding"; readonly finding: Finding }
  /** What came of all of it, in our own words: belongs to no stage. */
  | { readonly kind: "result"; readonly lines: readonly string[] }
  /** A value that must never be shown: comes before anything that could echo it. */
  | { readonly kind: "secret"; readonly value: string };

export type Report = (progress: Progress) => void;

/** What every capability is given beside its request and its clients. */
export interface Context {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly report: Report;
}
