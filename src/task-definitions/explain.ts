import type { Json } from "../domain/json.ts";
import { canonicalJson } from "../domain/json.ts";
import { hidden } from "../domain/redaction.ts";
import { codeBlock, type Markdown, paragraphs } from "../markdown/markdown.ts";
import { untrusted } from "../domain/evidence.ts";
import type { Change } from "./compare.ts";

/**
 * A diff as people know it; hidden values show only that they differ. Nothing changed: nothing.
 * @param commits of images that are known, by digest
 */
export function explainChanges(
  changes: readonly Change[],
  commits: Readonly<Record<string, string>> = {},
): Markdown | null {
  if (changes.length === 0) return null;
  return paragraphs(codeBlock(untrusted(showChanges(changes, commits).join("\n")), "diff"));
}

/** The lines of that diff. */
export function showChanges(
  changes: readonly Change[],
  commits: Readonly<Record<string, string>> = {},
): readonly string[] {
  return changes.flatMap(({ path, from, to, hidden: isHidden }) => {
    const name = onOneLine(path.join("."));
    const [before, after] = [show(from, commits), show(to, commits)];
    if (isHidden && before === after) return [`! ${name}: changed (values hidden)`];
    return [...(from === null ? [] : [`- ${name}: ${before}`]), ...(to === null ? [] : [`+ ${name}: ${after}`])];
  });
}

function show(value: Json, commits: Readonly<Record<string, string>>): string {
  if (value === hidden) return "(value hidden)";
  if (typeof value !== "string") return escaped(canonicalJson(value));
  const [, digest = ""] = /@(sha256:[0-9a-f]{64})$/.exec(value) ?? [];
  const commit = Object.hasOwn(commits, digest) ? commits[digest] : undefined;
  return commit === undefined ? onOneLine(value) : `${onOneLine(value)} (commit ${commit.slice(0, 12)})`;
}

const breaks = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

/** What holds control characters, as JSON: a text of several lines would look like lines of the diff itself. */
function onOneLine(text: string): string {
  return text.search(breaks) === -1 ? text : escaped(JSON.stringify(text));
}

/** JSON leaves some of them as they are. */
function escaped(json: string): string {
  return json.replaceAll(breaks, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
