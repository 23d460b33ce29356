import { UserError } from "../domain/errors.ts";
import { optional } from "../domain/given.ts";
import type * as z from "zod";
import type { LogsDocument } from "./documents.ts";
import { asking, type ofStack } from "./request.ts";
import type { Answer, Here } from "./verb.ts";

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `30s`, `10m`, `2h`, `7d`: seconds; empty: null. */
export const since = optional
  .refine(
    (text) => text === null || /^[1-9]\d{0,4}[smhd]$/.test(text),
    "is a number with s, m, h or d: 30s, 10m, 2h, 7d",
  )
  .transform((text) => (text === null ? null : Number.parseInt(text, 10) * (seconds[text.slice(-1)] ?? 1)));

/** Lines of a document, which is in memory as a whole. */
const mostLines = 10_000;

interface Given extends z.output<z.ZodObject<typeof ofStack>> {
  readonly of: string | null;
  readonly since: number | null;
  readonly follow: boolean;
}

/** Shows lines as they are read; with `--json`, the last ones in one document. Following ends with Ctrl-C, and well. */
export function showLogs(given: Given, here: Here): Promise<Answer> {
  const { quote } = here;
  const { of, since: sinceSeconds, follow } = given;
  if (follow && quote === null) {
    throw new UserError({
      what: "`--json` prints one document at the end, and `--follow` has none.",
      where: "command line: --follow, --json",
      fix: "Leave one of them out; `--since` says how far back the document goes.",
    });
  }
  return asking(given, here, async ({ context, connections, request }) => {
    const { logsOf, whoseLine } = await import("../releases/work.ts");
    const lines: LogsDocument["lines"] = [];
    let isCut = false;
    try {
      for await (const line of logsOf(context, connections, { ...request, of, sinceSeconds, follow })) {
        if (quote !== null) {
          if (!quote(whoseLine(line), line.text)) break;
          continue;
        }
        const { source, taskId: task, at, text } = line;
        lines.push({ source, task, at: new Date(at).toISOString(), text: text.untrusted });
        if (lines.length > mostLines) isCut = lines.shift() !== undefined;
      }
    } catch (error) {
      if (!follow || !context.signal.aborted) throw error;
    }
    return { lines: [], document: { lines, isCut } satisfies LogsDocument, exitCode: 0 };
  });
}
