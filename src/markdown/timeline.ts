import type { Markdown, Text } from "./markdown.ts";

/** What happened at one time. */
export interface Period {
  readonly seconds: number;
  readonly events: readonly Text[];
}

/** Characters of one event: boxes do not grow. */
const longest = 120;

/**
 * A timeline that GitHub draws, from left to right.
 * Source of the syntax: https://mermaid.js.org/syntax/timeline.html, and of its entity codes https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters
 */
export function timeline(title: Text, periods: readonly Period[]): Markdown {
  if (periods.length === 0) return { markdown: "" };
  const lines = [
    "timeline",
    `    title ${plain(title)}`,
    ...periods.map(({ seconds, events }) => `    ${[`${seconds} s`, ...events].map(plain).join(" : ")}`),
  ];
  return { markdown: ["```mermaid", ...lines, "```"].join("\n") };
}

/**
 * Letters, digits and a few signs as they are; every other character by its number, so that nothing in it is a sign of Mermaid's,
 * of HTML's or the end of the fence. No line begins with it, so that it is no word of Mermaid's either.
 */
function plain(text: Text): string {
  const shown = (typeof text === "object" ? text.untrusted : String(text)).replaceAll(/\s+/g, " ").trim();
  const short = shown.length > longest ? `${shown.slice(0, longest)}…` : shown;
  const safe = Array.from(short, (character) =>
    /[A-Za-z0-9 .,/()_-]/.test(character) ? character : `#${character.codePointAt(0) ?? 32};`,
  ).join("");
  return safe === "" ? "-" : safe;
}
