import { setOutput, summary } from "@actions/core";
import { cut, type Markdown, markdown } from "../markdown/markdown.ts";

/** GitHub refuses a step's summary above 1 MiB; bytes. */
const summaryLimit = 1_000_000;

/** Appends to the summary of the job. Longer than GitHub takes: cut, visibly. */
export async function writeSummary(text: Markdown): Promise<void> {
  const { markdown: fitting } = cut(text, summaryLimit, "cut here: the rest is in the log of this step");
  await summary.addRaw(markdown`${{ markdown: fitting }}\n\n`.markdown).write();
}

/** Sets outputs; null is an empty text. */
export function writeOutputs(outputs: Readonly<Record<string, string | null>>): void {
  for (const [name, value] of Object.entries(outputs)) setOutput(name, value ?? "");
}
