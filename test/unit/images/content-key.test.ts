import * as fc from "fast-check";
import type { Digest } from "../../../src/domain/identifiers.ts";
import { contentKey, dependenciesKey, type Inputs } from "../../../src/images/content-key.ts";

const inputs: Inputs = {
  scheme: 2,
  platform: "linux/amd64",
  base: `sha256:${"a".repeat(64)}` as Digest,
  python: null,
  requirements: "b".repeat(64),
  workdir: "/app",
  environment: { A: "1", B: "2" },
  files: { "app/a.py": `0644 ${"c".repeat(64)}`, "app/b": "link a.py" },
};

const others: readonly (readonly [string, Partial<Inputs>, ofDependencies: boolean])[] = [
  ["the platform", { platform: "linux/arm64" }, true],
  ["the base", { base: `sha256:${"d".repeat(64)}` as Digest }, true],
  ["Python", { python: "3.12" }, true],
  ["the lock file", { requirements: "d".repeat(64) }, true],
  ["no lock file", { requirements: null }, true],
  ["the working folder", { workdir: "/srv" }, false],
  ["a variable", { environment: { A: "1", B: "3" } }, false],
  ["a variable more", { environment: { A: "1", B: "2", C: "" } }, false],
  ["a file", { files: { ...inputs.files, "app/a.py": `0644 ${"d".repeat(64)}` } }, false],
  ["a mode", { files: { ...inputs.files, "app/a.py": `0755 ${"c".repeat(64)}` } }, false],
  ["a file less", { files: { "app/b": "link a.py" } }, false],
];

// When this changes, every image of every user is made anew: count up `scheme`, and say so in the release notes.
test("the key of given inputs is the same for ever", () => {
  expect(contentKey(inputs)).toBe("bdc6d3186735105f4c679442e7256323f6e18d90");
  expect(dependenciesKey(inputs)).toBe("5cabc30be7c0ac9a4fed475184f4cb9972b76fa7");
});

test.each(others)("another key for %s", (_, other, ofDependencies) => {
  expect(contentKey({ ...inputs, ...other })).not.toBe(contentKey(inputs));
  expect(dependenciesKey({ ...inputs, ...other }) !== dependenciesKey(inputs)).toBe(ofDependencies);
});

test("the order in which anything was written does not matter", () => {
  const reordered = <T extends object>(value: T): T => Object.fromEntries(Object.entries(value).toReversed()) as T;
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.string()),
      fc.dictionary(fc.string(), fc.string()),
      (environment, files) => {
        const one = { ...inputs, environment, files };
        const other = reordered({ ...one, environment: reordered(environment), files: reordered(files) });
        expect(contentKey(other)).toBe(contentKey(one));
      },
    ),
  );
});
