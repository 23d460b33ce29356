import fc from "../../properties.ts";
import type { Digest } from "../../../src/domain/identifiers.ts";
import { contentKey, dependenciesKey, type Inputs } from "../../../src/images/content-key.ts";

const inputs: Inputs = {
  scheme: 4,
  groups: [],
  localPackages: {},
  prepare: [],
  user: null,
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
  ["the dependency groups", { groups: ["jobs"] }, true],
  ["a package of the checkout", { localPackages: { "libs/shared": "e".repeat(64) } }, true],
  ["a command", { prepare: ["dbt parse"] }, false],
  ["the user", { user: "1000" }, false],
  ["the working folder", { workdir: "/srv" }, false],
  ["a variable", { environment: { A: "1", B: "3" } }, false],
  ["a variable more", { environment: { A: "1", B: "2", C: "" } }, false],
  ["a file", { files: { ...inputs.files, "app/a.py": `0644 ${"d".repeat(64)}` } }, false],
  ["a mode", { files: { ...inputs.files, "app/a.py": `0755 ${"c".repeat(64)}` } }, false],
  ["a file less", { files: { "app/b": "link a.py" } }, false],
];

// When this changes, every image of every user is made anew: count up `scheme`, and say so in the release notes.
test("the key of given inputs is the same for ever", () => {
  expect(contentKey(inputs)).toBe("98a5b2ca81ad46de5d4628c83d550aa6581013b9");
  expect(dependenciesKey(inputs)).toBe("18991e61c4f3c687d218ee9a54641a32f2185cfe");
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
