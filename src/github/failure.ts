import * as core from "@actions/core";
import { untrusted } from "../domain/evidence.ts";
import { logLines } from "./report.ts";
import { Cancelled, RolloutFailed, UserError } from "../domain/errors.ts";

/** Says once what went wrong, and fails the step. Something that nobody foresaw says that it is a bug, with where it came from. */
export function failStep(error: unknown): void {
  process.exitCode = 1;
  if (error instanceof UserError) {
    const place =
      typeof error.where === "object"
        ? { file: error.where.file, startLine: error.where.line, startColumn: error.where.column }
        : {};
    core.error(error.message, { title: error.what.split("\n")[0] ?? error.what, ...place });
    return;
  }
  if (error instanceof RolloutFailed) {
    const text = [error.message, ...lastWords(error.evidence)].join("\n");
    core.error(text, { title: "The release failed" });
    return;
  }
  if (error instanceof Cancelled) {
    core.error(error.message, { title: "Cancelled" });
    process.exitCode = 130;
    return;
  }
  core.error(bugReport(error), { title: "A bug of dagster-ecs" });
}

/** Characters of a quoted line. */
const quoted = 300;

/** The last line that the container which failed has written: mostly what it died of. */
function lastWords(evidence: RolloutFailed["evidence"]): readonly string[] {
  const log = evidence.findLast(({ kind, text }) => kind === "log" && text.untrusted.trim() !== "");
  const last = log === undefined ? undefined : logLines(untrusted(log.text.untrusted.trimEnd())).at(-1);
  if (log === undefined || last === undefined) return [];
  return [`last line of ${log.subject}: ${last.length > quoted ? `${last.slice(0, quoted)}…` : last}`];
}

/** The place it came from is in our own bundle, so a stack trace shows nothing of the user's. */
function bugReport(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `This should not have happened: ${text}\nfix: please report it, with these lines, where you got this action from.`;
}
