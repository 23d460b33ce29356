import { releaseNotes } from "../../../scripts/release-notes.ts";

const changelog = `# Changes

## Unreleased

## 1.2.3 - 2026-11-22

### Added

- Something.

## [1.2.2] - 2026-11-01

- Before.

## 1.2.1
`;

test("a version's notes are its section of the changelog", () => {
  expect(releaseNotes("1.2.3", changelog, "1.2.3")).toBe("### Added\n\n- Something.");
  expect(releaseNotes("1.2.2", changelog, "1.2.2")).toBe("- Before.");
});

test.each([
  ["v1.2.3", "1.2.3", /is no version/],
  ["1.2", "1.2", /is no version/],
  ["1.2.3; id", "1.2.3", /is no version/],
  ["01.2.3", "1.2.3", /is no version/],
  ["1.2.3", "1.2.4", /package\.json says 1\.2\.4/],
  ["1.2.4", "1.2.4", /CHANGELOG\.md says nothing of 1\.2\.4/],
  ["1.2.1", "1.2.1", /CHANGELOG\.md says nothing of 1\.2\.1/],
])("%s, with %s in package.json, is not released", (version, packaged, why) => {
  expect(() => releaseNotes(version, changelog, packaged)).toThrow(why);
});
