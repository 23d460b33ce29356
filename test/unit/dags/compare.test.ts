import fc from "../../properties.ts";
import { compareFiles } from "../../../src/dags/compare.ts";
import { type DagsFiles, dagsVersion } from "../../../src/domain/dags.ts";

const file = (content: string) => ({ size: 1, mode: "0644" as const, sha256: content.repeat(64) });

test("files are added, changed and removed by their paths", () => {
  const before: DagsFiles = { "a.py": file("1"), "b.py": file("1"), "c.py": { link: "b.py" }, "d.py": file("1") };
  const after: DagsFiles = {
    "e.py": file("1"),
    "b.py": { ...file("1"), mode: "0755" },
    "c.py": { link: "a.py" },
    "d.py": file("1"),
  };
  expect(compareFiles(before, after)).toEqual({ added: ["e.py"], changed: ["b.py", "c.py"], removed: ["a.py"] });
});

test("where nothing was served, everything is added", () => {
  expect(compareFiles(null, { "b.py": file("1"), "a.py": file("2") })).toEqual({
    added: ["a.py", "b.py"],
    changed: [],
    removed: [],
  });
});

const anyFiles = fc.dictionary(
  fc.constantFrom("a.py", "b.py", "constructor", "toString", "sub/c.py"),
  fc.constantFrom(file("1"), file("2"), { link: "a.py" }),
);

test("two trees have one version exactly when nothing differs between them", () => {
  fc.assert(
    fc.property(anyFiles, anyFiles, (a, b) => {
      const { added, changed, removed } = compareFiles(a, b);
      expect(dagsVersion(a) === dagsVersion(b)).toBe(added.length + changed.length + removed.length === 0);
    }),
  );
});
