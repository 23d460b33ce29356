import type { Json } from "../domain/json.ts";
import { canonicalJson } from "../domain/json.ts";
import { codeBlock, type Markdown, paragraphs } from "../markdown/markdown.ts";
import { untrusted } from "../domain/evidence.ts";
import type { Change } from "./compare.ts";

/** A diff as people know it; hidden values show only that they differ. Nothing changed: nothing. */
export function explainChanges(changes: readonly Change[]): Markdown | null {
  if (changes.length === 0) return null;
  const lines = changes.flatMap(({ path, from, to, hidden }) => {
    const name = path.join(".");
    if (hidden)
      return from === null
        ? [`+ ${name}: (value hidden)`]
        : to === null
          ? [`- ${name}: (value hidden)`]
          : [`! ${name}: changed (values hidden)`];
    return [...(from === null ? [] : [`- ${name}: ${show(from)}`]), ...(to === null ? [] : [`+ ${name}: ${show(to)}`])];
  });
  return paragraphs(codeBlock(untrusted(lines.join("\n")), "diff"));
}

function show(value: Json): string {
  return typeof value === "string" ? value : canonicalJson(value);
}
