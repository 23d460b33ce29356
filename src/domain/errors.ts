import type { Evidence } from "./evidence.ts";
import type { Verdict } from "./verdict.ts";

/** A place in one of the user's files; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/**
 * - `refused`: something in the request, the files or the account does not allow it; the user can mend it.
 * - `locked`: another release holds the lock.
 * - `superseded`: something newer is released already.
 * - `no-credentials`: this job has none, and may not get any.
 */
export type UserErrorKind = "refused" | "locked" | "superseded" | "no-credentials";

/** Written for somebody at 3 a.m.: what happened, where, how to fix it. Never holds a secret. */
export interface Advice {
  readonly what: string;
  readonly where?: Place | string | undefined;
  readonly fix: string;
}

/** Something the user can mend. Shown without a stack trace. */
export class UserError extends Error {
  override readonly name: string = "UserError";
  readonly what: string;
  readonly where: Place | string | undefined;
  readonly fix: string;
  readonly kind: UserErrorKind;

  constructor({ what, where, fix }: Advice, options: { readonly kind?: UserErrorKind; readonly cause?: unknown } = {}) {
    super(
      [what, where === undefined ? null : `where: ${showPlace(where)}`, `fix: ${fix}`]
        .filter((line) => line !== null)
        .join("\n"),
      {
        cause: options.cause,
      },
    );
    this.what = what;
    this.where = where;
    this.fix = fix;
    this.kind = options.kind ?? "refused";
  }
}

/** A rollout that was carried out and did not succeed. What was done about it is in the release's outcome. */
export class RolloutFailed extends Error {
  override readonly name: string = "RolloutFailed";
  readonly verdicts: readonly Verdict[];
  /** What was seen of the failure itself. */
  readonly evidence: readonly Evidence[];

  constructor(
    what: string,
    verdicts: readonly Verdict[],
    { cause, evidence = [] }: { readonly cause?: unknown; readonly evidence?: readonly Evidence[] } = {},
  ) {
    super(what, { cause });
    this.verdicts = verdicts;
    this.evidence = evidence;
  }
}

/** The caller gave up: a signal, or a cancelled job. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";

  constructor(what = "cancelled") {
    super(what);
  }
}

/** `file:line:column`, as editors and annotations read it. */
export function showPlace(place: Place | string): string {
  return typeof place === "string" ? place : `${place.file}:${place.line}:${place.column}`;
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Reached only when a union has a member nobody handled: a bug the compiler should have seen. */
export function assertNever(value: never): never {
  throw new Error(`unhandled: ${JSON.stringify(value)}`);
}
