import fc from "../../../properties.ts";
import { lineDiff } from "../../../../src/releases/locations/diff.ts";

test("a change is shown with two lines around it, and where it begins", () => {
  const before = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n";
  expect(lineDiff(before, before.replace("c\n", "").replace("j", "k\nl"))).toEqual([
    "@@ line 1",
    "  a",
    "  b",
    "- c",
    "  d",
    "  e",
    "@@ line 8",
    "  h",
    "  i",
    "- j",
    "+ k",
    "+ l",
  ]);
});

test("what is the same has no lines, however its lines end", () => {
  expect(lineDiff("a\nb\n", "a\nb\n")).toEqual([]);
  expect(lineDiff("a\r\nb\r\n", "a\nb")).toEqual([]);
});

const text = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 12 });

test("lines without + are those of before, lines without - those of after, where all are near a change", () => {
  fc.assert(
    fc.property(text, text, (before, after) => {
      const spread = (lines: readonly string[]): string => lines.map((line) => `x${line}\n`).join("");
      const lines = lineDiff(`0\n${spread(before)}`, `1\n${spread(after)}`).filter((line) => !line.startsWith("@@"));
      const side = (sign: string): readonly string[] =>
        lines.filter((line) => !line.startsWith(sign)).map((line) => line.slice(2));
      const isPart = (part: readonly string[], whole: readonly string[]): boolean => {
        let at = 0;
        for (const line of whole) if (line === part[at]) at += 1;
        return at === part.length;
      };
      expect(isPart(side("+"), ["0", ...before.map((line) => `x${line}`)])).toBe(true);
      expect(isPart(side("-"), ["1", ...after.map((line) => `x${line}`)])).toBe(true);
    }),
  );
});
