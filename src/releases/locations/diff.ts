/** Lines around a change that are shown with it. */
const around = 2;

/**
 * What differs between two texts: `- ` and `+ ` before a line, `  ` before one that stays, `@@ line 12` before each part.
 * The shortest such list, as long as lines are few: time and memory go with the product of those that are not the same at both ends.
 */
export function lineDiff(before: string, after: string): readonly string[] {
  const all = signed(linesOf(before), linesOf(after));
  const near = all.map((_, at) =>
    all.slice(Math.max(0, at - around), at + around + 1).some(({ sign }) => sign !== " "),
  );
  return all.flatMap(({ sign, text, line }, at) => {
    if (near[at] !== true) return [];
    const head = near[at - 1] === true ? [] : [`@@ line ${line}`];
    return [...head, `${sign} ${text}`.trimEnd()];
  });
}

interface SignedLine {
  readonly sign: " " | "+" | "-";
  readonly text: string;
  /** Of the text before, from 1. */
  readonly line: number;
}

function signed(before: readonly string[], after: readonly string[]): readonly SignedLine[] {
  const same = (count: (at: number) => boolean, most: number): number => {
    let found = 0;
    while (found < most && count(found)) found += 1;
    return found;
  };
  const shorter = Math.min(before.length, after.length);
  const head = same((at) => before[at] === after[at], shorter);
  const tail = same((at) => before.at(-1 - at) === after.at(-1 - at), shorter - head);
  const [a, b] = [before.slice(head, before.length - tail), after.slice(head, after.length - tail)];
  const kept = (text: string, line: number): SignedLine => ({ sign: " ", text, line });
  return [
    ...before.slice(0, head).map((text, at) => kept(text, at + 1)),
    ...middle(a, b, head + 1),
    ...before.slice(before.length - tail).map((text, at) => kept(text, before.length - tail + at + 1)),
  ];
}

/** By the longest list of lines that both have. */
function middle(a: readonly string[], b: readonly string[], first: number): readonly SignedLine[] {
  const longest = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  const length = (i: number, j: number): number => longest[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    const row = longest[i];
    if (row === undefined) continue;
    for (let j = b.length - 1; j >= 0; j -= 1)
      row[j] = a[i] === b[j] ? length(i + 1, j + 1) + 1 : Math.max(length(i + 1, j), length(i, j + 1));
  }
  const lines: SignedLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const line = first + i;
    if (i < a.length && a[i] === b[j]) {
      lines.push({ sign: " ", text: a[i] ?? "", line });
      [i, j] = [i + 1, j + 1];
    } else if (i < a.length && (j === b.length || length(i + 1, j) >= length(i, j + 1))) {
      lines.push({ sign: "-", text: a[i] ?? "", line });
      i += 1;
    } else {
      lines.push({ sign: "+", text: b[j] ?? "", line });
      j += 1;
    }
  }
  return lines;
}

function linesOf(text: string): readonly string[] {
  return text.replace(/\r?\n$/, "").split(/\r?\n/);
}
