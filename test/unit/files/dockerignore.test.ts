import { UserError } from "../../../src/domain/errors.ts";
import { parseDockerignore } from "../../../src/files/dockerignore.ts";

/** Lines, a path, is it left out? From Docker's documentation and the tests of moby/patternmatcher. */
const table: readonly (readonly [lines: string, path: string, ignored: boolean])[] = [
  // a name is a name at the root only, and a folder's name stands for what is in it
  ["fileutils.go", "fileutils.go", true],
  ["fileutils.go", "src/fileutils.go", false],
  ["docs", "docs/README.md", true],
  ["docs/", "docs/README.md", true],
  ["/docs", "docs/README.md", true],
  ["./docs", "docs/README.md", true],
  ["docs/../src", "src/a", true],
  ["docs", "docs2", false],
  ["app/main.py", "app/main.py", true],
  // one star stays in its folder
  ["*.py", "main.py", true],
  ["*.py", "app/main.py", false],
  ["*/temp*", "somedir/temporary.txt", true],
  ["*/temp*", "somedir/temp", true],
  ["*/temp*", "somedir/sub/temp", false],
  ["*/*/temp*", "somedir/subdir/temporary.txt", true],
  ["a*b", "a/b", false],
  ["temp?", "tempa", true],
  ["temp?", "temp", false],
  ["temp?", "temp/", false],
  // two stars cross folders
  ["**", "file", true],
  ["**", "dir/file", true],
  ["**/", "dir/file", true],
  ["**/*.go", "main.go", true],
  ["**/*.go", "a/b/main.go", true],
  ["**/.venv", "a/b/.venv/lib/x", true],
  ["**/.venv", "a/.venvx", false],
  ["dir/**", "dir/file", true],
  ["dir/**", "dir/a/b", true],
  ["dir/**", "dir", false],
  ["**/dir2/*", "dir/dir2/file", true],
  ["**/dir2/**", "dir/dir2/dir2/file", true],
  ["a/**/b", "a/b", true],
  ["a/**/b", "a/x/y/b", true],
  ["**file", "dir/file", true],
  ["abc**", "abc/def", true],
  ["a**/*.txt", "a/file/x.txt", true],
  // classes, and what regular expressions would read otherwise
  ["[a-c].txt", "b.txt", true],
  ["[a-c].txt", "d.txt", false],
  ["[^a-c].txt", "d.txt", true],
  ["a.b", "axb", false],
  ["a+b(c)|{d}$", "a+b(c)|{d}$", true],
  ["a\\*b", "a*b", true],
  ["a\\*b", "axb", false],
  [".", "a", false],
  // the last line that matches decides; an exception may lie below an ignored folder
  ["*.md\n!README.md", "README.md", false],
  ["*.md\n!README.md", "other.md", true],
  ["!README.md\n*.md", "README.md", true],
  ["*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true],
  ["docs\n!docs/README.md", "docs/README.md", false],
  ["docs\n!docs/README.md", "docs/other.md", true],
  ["*\n!app", "app/main.py", false],
  ["*\n!app", "tests/x.py", true],
  ["**\n! app/main.py", "app/main.py", false],
  // comments and blanks
  ["# docs\n\n  \n", "docs", false],
  ["  docs  ", "docs", true],
  [" #docs", "#docs", true],
  ["\uFEFFdocs\r\nsrc\r\n", "docs", true],
  ["docs\r\nsrc\r\n", "src/a", true],
  ["!", "a", false],
  ["", "a", false],
];

test.each(table)("%j leaves %j out: %j", (lines, path, ignored) => {
  expect(parseDockerignore(lines).ignores(path)).toBe(ignored);
});

test("an ignored folder need not be read, unless a line takes something back", () => {
  expect(parseDockerignore("node_modules\n.venv").wholeFolders).toBe(true);
  expect(parseDockerignore("node_modules\n!node_modules/mine").wholeFolders).toBe(false);
});

test("a bracket that is not closed is an error with its line", () => {
  expect(() => parseDockerignore("docs\na[b")).toThrow(UserError);
  expect(() => parseDockerignore("docs\na[b")).toThrow(".dockerignore:2:1");
});
