import * as core from "@actions/core";
import { Cancelled, RolloutFailed, UserError } from "../domain/errors.ts";
import { lastWords } from "../markdown/plain.ts";
import { logLines } from "./report.ts";

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
    const text = [error.message, ...lastWords(error.evidence, logLines)].join("\n");
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

/** The place it came from is in our own bundle, so a stack trace shows nothing of the user's. */
function bugReport(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `This should not have happened: ${text}\nfix: please report it, with these lines, where you got this action from.`;
}
