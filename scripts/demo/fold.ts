/** Prints lines of a log, and of each row of pip's only how many they were; what pip says of errors and warnings is printed. */
export function foldedPip(print: (line: string) => void): (line: string) => void {
  let folded = 0;
  return (line) => {
    const said = /: pip │ (.*)/.exec(line)?.[1] ?? null;
    if (said !== null && !/\b(?:error|warning)\b/i.test(said)) {
      folded += 1;
      return;
    }
    if (folded > 0) print(`pip │ … ${folded} ${folded === 1 ? "line" : "lines"}`);
    folded = 0;
    print(line);
  };
}
