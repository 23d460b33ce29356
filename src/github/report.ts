import * as core from "@actions/core";
import type { Report } from "../domain/context.ts";
import { showPlace } from "../domain/errors.ts";
import type { Untrusted } from "../domain/evidence.ts";
import type { Finding } from "../domain/finding.ts";
import { plainLines } from "../markdown/plain.ts";

/**
 * Shows progress in the log of a step: a stage is a group that can be folded, a finding an annotation.
 * @param isAnnotated whether a finding becomes one; what does not is a line of the log
 */
export function logReport(isAnnotated: (finding: Finding) => boolean = () => true): {
  readonly report: Report;
  readonly close: () => void;
} {
  let open = false;
  const said = new Set<string>();
  const close = (): void => {
    if (open) core.endGroup();
    open = false;
  };
  const report: Report = (progress) => {
    switch (progress.kind) {
      case "stage":
        close();
        core.startGroup(progress.title);
        open = true;
        return;
      case "line":
        for (const line of logLines(progress.text)) core.info(line);
        return;
      case "foreign": {
        const from = logLines(progress.from).join(" ");
        // One write for all of them: a log may have hundreds of thousands.
        core.info(
          logLines(progress.text)
            .map((line) => `${from} │ ${line}`)
            .join("\n"),
        );
        return;
      }
      case "finding":
        // A release is planned more than once in one step: each finding is said once.
        if (!said.has(JSON.stringify(progress.finding)))
          if (isAnnotated(progress.finding)) annotate(progress.finding);
          else for (const line of logLines(lineOf(progress.finding))) core.info(line);
        said.add(JSON.stringify(progress.finding));
        return;
      case "result":
        close();
        for (const text of progress.lines) for (const line of logLines(text)) core.info(line);
        return;
      case "secret":
        mask(progress.value);
    }
  };
  return { report, close };
}

/** Something that people should see who did not read the log, and that makes nothing red. */
export function notice(title: string, text: string): void {
  core.notice(text, { title });
}

/** Hides a value, and each of its lines, in all that this job prints from now on. */
export function mask(value: string): void {
  for (const line of value.split(/\r?\n/)) if (line.trim() !== "") core.setSecret(line);
}

/**
 * Lines that the runner cannot take for a command: it obeys `::name::` at the start of a line, and the old form `##[name]` anywhere
 * in one (actions/runner, ActionCommand.cs).
 * @param text our own words, too: names from elsewhere can stand in them.
 */
export function logLines(text: string | Untrusted): readonly string[] {
  // What is taken out of a line may leave a command.
  return plainLines(text).map((line) => (/::|##\[/.test(line) ? defuse(line) : line));
}

function defuse(line: string): string {
  return line.replaceAll("##[", "#\u2060#[").replace(/^(\s*):(?=:)/, "$1\u2060:");
}

function lineOf({ id, level, what, where, fix }: Finding): string {
  return `${level} ${id}: ${what} ${fix} (${showPlace(where)})`;
}

function annotate({ id, level, what, where, fix }: Finding): void {
  const place = typeof where === "string" ? {} : { file: where.file, startLine: where.line, startColumn: where.column };
  const text = `${what}\nwhere: ${showPlace(where)}\nfix: ${fix}`;
  const properties = { title: id, ...place };
  if (level === "error") core.error(text, properties);
  else if (level === "warning") core.warning(text, properties);
  else core.notice(text, properties);
}
