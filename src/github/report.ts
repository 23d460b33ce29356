import * as core from "@actions/core";
import type { Report } from "../domain/context.ts";
import { showPlace } from "../domain/errors.ts";
import type { Untrusted } from "../domain/evidence.ts";
import type { Finding } from "../domain/finding.ts";

/** Shows progress in the log of a step: a stage is a group that can be folded, a finding an annotation. */
export function logReport(): { readonly report: Report; readonly close: () => void } {
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
        if (!said.has(JSON.stringify(progress.finding))) annotate(progress.finding);
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

/** Hides a value, and each of its lines, in all that this job prints from now on. */
export function mask(value: string): void {
  for (const line of value.split(/\r?\n/)) if (line.trim() !== "") core.setSecret(line);
}

/**
 * Lines that the runner cannot take for a command: it obeys `::name::` at the start of a line, and the old form `##[name]` anywhere
 * in one (actions/runner, ActionCommand.cs). Colours and cursor movements go, and the end of a line that is too long to read.
 * @param text our own words, too: names from elsewhere can stand in them.
 */
export function logLines(text: string | Untrusted): readonly string[] {
  const whole = typeof text === "string" ? text : text.untrusted;
  const lines = whole.split(/\r\n|[\n\r\u2028\u2029]/).map(shorten);
  // Most texts have nothing of all that; what is taken out of a line may leave a command.
  if (control.test(whole))
    return lines.map((line) => defuse(line.replaceAll(escapeSequences, "").replaceAll(controls, "\u{FFFD}")));
  return /::|##\[/.test(whole) ? lines.map(defuse) : lines;
}

/** Longer ones nobody reads; one event of CloudWatch Logs may have 256 kB. Characters. */
const lineLimit = 8192;

function shorten(line: string): string {
  const more = line.length - lineLimit;
  return more > 0 ? `${line.slice(0, lineLimit)}… (${more} characters more)` : line;
}

/* oxlint-disable no-control-regex -- they are what is removed */
const escapeSequences = /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[@-_]/g;
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
/* oxlint-enable no-control-regex */

function defuse(line: string): string {
  return line.replaceAll("##[", "#\u2060#[").replace(/^(\s*):(?=:)/, "$1\u2060:");
}

function annotate({ id, level, what, where, fix }: Finding): void {
  const place = typeof where === "string" ? {} : { file: where.file, startLine: where.line, startColumn: where.column };
  const text = `${what}\nwhere: ${showPlace(where)}\nfix: ${fix}`;
  const properties = { title: id, ...place };
  if (level === "error") core.error(text, properties);
  else if (level === "warning") core.warning(text, properties);
  else core.notice(text, properties);
}
