import { type Evidence, type Untrusted, untrusted } from "../domain/evidence.ts";

/**
 * Lines that are nothing but text: colours and cursor movements go, and the end of a line that is too long to read.
 * @param text our own words, too: names from elsewhere can stand in them.
 */
export function plainLines(text: string | Untrusted): readonly string[] {
  const whole = typeof text === "string" ? text : text.untrusted;
  const lines = whole.split(/\r\n|[\n\r\u2028\u2029]/).map(shorten);
  // Most texts have nothing of all that.
  if (!control.test(whole)) return lines;
  return lines.map((line) => line.replaceAll(escapeSequences, "").replaceAll(controls, "\u{FFFD}"));
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

/** Characters of a quoted line. */
const quoted = 300;

/**
 * The last line that the container which failed has written: mostly what it died of.
 * @param linesOf makes lines of it that are harmless where they are shown
 */
export function lastWords(evidence: readonly Evidence[], linesOf: typeof plainLines): readonly string[] {
  const log = evidence.findLast(({ kind, text }) => kind === "log" && text.untrusted.trim() !== "");
  const last = log === undefined ? undefined : linesOf(untrusted(log.text.untrusted.trimEnd())).at(-1);
  if (log === undefined || last === undefined) return [];
  return [`last line of ${log.subject}: ${last.length > quoted ? `${last.slice(0, quoted)}…` : last}`];
}
