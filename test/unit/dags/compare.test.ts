import fc from "../../properties.ts";
import { compareFiles } from "../../../src/dags/compare.ts";
import { canonicalFiles, type DagsFiles, dagsMirrorSchema, dagsVersion } from "../../../src/domain/dags.ts";
import { canonicalJson, contentHash } from "../../../src/domain/json.ts";

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

test("the name of a version is the hash of the canonical text of its files, whatever they are called", () => {
  const file = fc.record({
    size: fc.nat(),
    mode: fc.constantFrom("0644" as const, "0755" as const),
    sha256: fc.constantFrom("0".repeat(64), "a1".repeat(32)),
  });
  const files = fc.dictionary(fc.string({ unit: "grapheme" }), fc.oneof(file, fc.record({ link: fc.string() })));
  fc.assert(
    fc.property(files, (given) => {
      expect(canonicalFiles(given)).toBe(canonicalJson(given));
      expect(dagsVersion(given)).toBe(contentHash({ scheme: 1, files: given }).slice(0, 40));
    }),
  );
});

test.each<[string, unknown, boolean]>([
  ["a file", { "a.py": { size: 1, mode: "0644", sha256: "0".repeat(64) } }, true],
  ["a link", { "a.py": { link: "b.py" } }, true],
  ["a file without a hash", { "a.py": { size: 1, mode: "0644" } }, false],
  ["a hash that is none", { "a.py": { size: 1, mode: "0644", sha256: "0" } }, false],
  ["a size that is none", { "a.py": { size: -1, mode: "0644", sha256: "0".repeat(64) } }, false],
  ["another mode", { "a.py": { size: 1, mode: "0777", sha256: "0".repeat(64) } }, false],
  ["more than a file has", { "a.py": { size: 1, mode: "0644", sha256: "0".repeat(64), x: 1 } }, false],
  ["a link that is a file too", { "a.py": { link: "b.py", size: 1 } }, false],
  ["a list", [], false],
])("files of a manifest: %s", (_, files, isGood) => {
  const at = "2026-11-22T00:00:00Z";
  const mirror = {
    schema: 1,
    location: "shop",
    version: "a".repeat(40),
    files,
    writing: null,
    lock: null,
    run: null,
    at,
  };
  const source = { repository: "shop/pipelines", sha: "a".repeat(40) };
  expect(dagsMirrorSchema.safeParse({ ...mirror, source }).success).toBe(isGood);
});
