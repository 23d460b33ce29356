import { linesOf } from "../../../src/github/changed-lines.ts";

test.each<[string, string, readonly number[]]>([
  ["a change in the middle", "@@ -3,3 +3,4 @@ name: small\n a\n-b\n+B\n+C\n d", [4, 5]],
  ["a new file", "@@ -0,0 +1,2 @@\n+a\n+b", [1, 2]],
  ["a file of one line", "@@ -1 +1 @@\n-a\n+b", [1]],
  ["several hunks", "@@ -1,2 +1,2 @@\n-a\n+b\n c\n@@ -10,2 +10,3 @@\n x\n+y\n z", [1, 11]],
  ["a line that looks like a heading of a hunk", "@@ -1,1 +1,2 @@\n a\n+@@ -1 +99 @@", [2]],
  ["no line break at the end", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file", [1]],
  ["lines that only go", "@@ -1,2 +1 @@\n a\n-b", []],
  ["nothing that GitHub shows", "", []],
])("Lines that a patch adds are counted as the new version has them: %s", (_, patch, lines) => {
  expect([...linesOf(patch)]).toEqual(lines);
});
