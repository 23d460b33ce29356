/** Log lines of one container that are worth a look. */
const lastLines = 20;

/** Lines of the exception with which it began. */
const causeLines = 8;

const traceback = /^Traceback \(most recent call last\):/;
const link =
  /^(?:The above exception was the direct cause of the following exception:|During handling of the above exception, another exception occurred:)/;

/**
 * What is shown of a log: its last lines; and, where Python has printed a chain of exceptions, the end of the first one, which stands
 * at its beginning and is what happened. That comes last, since the last line is what people read.
 * @param lines oldest first
 */
export function excerptOf(lines: readonly string[]): readonly string[] {
  const tail = lines.slice(-lastLines);
  const end = endOfCause(lines);
  if (end === null || end > lines.length - lastLines) return tail;
  const begin = Math.max(beginOf(lines, end), end - causeLines);
  return [...tail, "— it began with, earlier in the log:", ...lines.slice(begin, end)];
}

/** Behind the first exception of the last chain; null: there is no chain. */
function endOfCause(lines: readonly string[]): number | null {
  const links = lines.flatMap((line, index) => (link.test(line) ? [index] : []));
  let first = links.at(-1);
  if (first === undefined) return null;
  for (const at of links.toReversed()) {
    // Between two links of one chain there is one traceback; of two chains, two.
    const between = lines.slice(at + 1, first).filter((line) => traceback.test(line)).length;
    if (between > 1) break;
    first = at;
  }
  let end = first;
  while (end > 0 && (lines[end - 1] ?? "").trim() === "") end -= 1;
  return end;
}

function beginOf(lines: readonly string[], end: number): number {
  return lines.slice(0, end).findLastIndex((line) => traceback.test(line)) + 1;
}
