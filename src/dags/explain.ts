import { untrusted } from "../domain/evidence.ts";
import { codeBlock, details, type Markdown, markdown, paragraphs } from "../markdown/markdown.ts";
import type { DagsPlan } from "./plan.ts";

/** What a plan does to the files of a location. */
export function explainDags({ location, version, publishes, switches, changes }: DagsPlan): Markdown {
  const name = version.slice(0, 12);
  if (switches === null) return markdown`Location ${location} serves version ${name} already.`;
  const { added, changed, removed } = changes;
  const title = `Files: ${added.length} added, ${changed.length} changed, ${removed.length} removed`;
  const before = switches.from === null ? "nothing" : switches.from.version.slice(0, 12);
  const how = publishes ? "" : ", which was published before";
  const lines = [...sign("+", added), ...sign("!", changed), ...sign("-", removed)];
  const shown = lines.slice(0, mostLines);
  const more = lines.length > shown.length ? [`… and ${lines.length - shown.length} more`] : [];
  return paragraphs(
    markdown`Location ${location}: from ${before} to version ${name}${how}.`,
    details(title, codeBlock(untrusted([...shown, ...more].join("\n")), "diff")),
  );
}

const mostLines = 200;

function sign(mark: string, paths: readonly string[]): readonly string[] {
  return paths.map((path) => `${mark} ${path}`);
}
