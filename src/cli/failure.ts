import { Cancelled, messageOf, RolloutFailed, showPlace, UserError } from "../domain/errors.ts";
import { lastWords, plainLines } from "../markdown/plain.ts";

/** What went wrong, as `--json` has it. */
export interface Failure {
  readonly kind: UserError["kind"] | "failed" | "cancelled" | "bug";
  readonly what: string;
  readonly where: string | null;
  readonly fix: string | null;
}

/** @param say puts words for inputs of an action into those of the command line */
export function failureOf(error: unknown, say: (text: string) => string): Failure {
  if (error instanceof UserError) {
    const { kind, what, where, fix } = error;
    return { kind, what: say(what), where: where === undefined ? null : say(showPlace(where)), fix: say(fix) };
  }
  if (error instanceof RolloutFailed)
    return {
      kind: "failed",
      what: [say(error.message), ...lastWords(error.evidence, plainLines)].join("\n"),
      where: null,
      fix: null,
    };
  if (error instanceof Cancelled) return { kind: "cancelled", what: say(error.message), where: null, fix: null };
  const text = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
  return {
    kind: "bug",
    what: `This should not have happened: ${text}`,
    where: null,
    fix: "Please report it, with these lines, where you got this program from.",
  };
}

/** For people. */
export function wordsOfFailure({ what, where, fix }: Failure): readonly string[] {
  return [`error: ${what}`, ...(where === null ? [] : [`where: ${where}`]), ...(fix === null ? [] : [`fix: ${fix}`])];
}

/** How a program ends that Ctrl-C ended, as shells count it. */
export const cancelled = 130;

/** How the program ends. */
export function exitCodeOf({ kind }: Failure): number {
  switch (kind) {
    case "refused":
    case "no-credentials":
    case "failed":
    case "bug":
      return 1;
    case "locked":
    case "superseded":
      return 3;
    case "cancelled":
      return cancelled;
  }
}
