import { untrusted } from "../domain/evidence.ts";
import { codeBlock, details, type Markdown, markdown, paragraphs } from "../markdown/markdown.ts";
import type { DagsChanges } from "./compare.ts";
import type { DagsPlan } from "./plan.ts";

/** What a plan does to the files of a location. */
export function explainDags({ location, version, publishes, switches, changes }: DagsPlan): Markdown {
  const name = version.slice(0, 12);
  if (switches === null) return markdown`Location ${location} serves version ${name} already.`;
  const before = switches.from === null ? "nothing" : switches.from.version.slice(0, 12);
  const how = publishes ? "" : ", which was published before";
  return paragraphs(
    markdown`Location ${location}: from ${before} to version ${name}${how}.`,
    explainFiles("Files", changes),
  );
}

/** Files that a version adds, changes and removes, folded; null: none. @param title what they are files of */
export function explainFiles(title: string, { added, changed, removed }: DagsChanges): Markdown | null {
  const lines = [...sign("+", added), ...sign("!", changed), ...sign("-", removed)];
  if (lines.length === 0) return null;
  const shown = lines.slice(0, mostLines);
  const more = lines.length > shown.length ? [`… and ${lines.length - shown.length} more`] : [];
  return details(
    `${title}: ${added.length} added, ${changed.length} changed, ${removed.length} removed`,
    codeBlock(untrusted([...shown, ...more].join("\n")), "diff"),
  );
}

const mostLines = 200;

function sign(mark: string, paths: readonly string[]): readonly string[] {
  return paths.map((path) => `${mark} ${path}`);
}
