/** Narrower than this nothing is gained. */
const narrowest = 20;

/**
 * Breaks a line between words, so that it fits. What goes on stands a little deeper than its beginning; a word that is too long by
 * itself is left whole, for the terminal to break: an address, or a command, can be copied.
 * @param width in characters
 */
export function wrap(line: string, width: number): readonly string[] {
  if (line.length <= width || width < narrowest) return [line];
  const [indent = ""] = /^ */.exec(line) ?? [];
  const deeper = `${indent}  `;
  const lines: string[] = [];
  let current = "";
  for (const word of line.slice(indent.length).split(/(?<=\S)(?=\s)/)) {
    const start = lines.length === 0 ? indent : deeper;
    if (current !== "" && start.length + current.length + word.length > width) {
      lines.push(start + current);
      current = word.trimStart();
    } else {
      current += word;
    }
  }
  return [...lines, (lines.length === 0 ? indent : deeper) + current];
}
