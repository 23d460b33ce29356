import type { JsonMap } from "../../../src/domain/json.ts";
import { changingValues } from "../../../src/task-definitions/changing.ts";

const commit = "0123456789abcdef0123456789abcdef01234567";
const other = "76543210fedcba9876543210fedcba9876543210";

function withVariable(name: string, value: string): JsonMap {
  return { containerDefinitions: [{ name: "web", environment: [{ name, value }] }] };
}

function found(before: JsonMap | null, now: JsonMap): readonly string[] {
  return changingValues(now, { commit, before }).map(({ what }) => what);
}

describe("A value that each release makes anew is found by its change", () => {
  test.each([
    ["the number of a run", "BUILD_NUMBER", "41", "42"],
    ["the id of a run", "GITHUB_RUN_ID", "11223344556", "11223344999"],
    ["when it was made", "STARTED", "2026-11-22T10:11:12Z", "2026-11-23T10:11:12Z"],
    ["the day of the build", "BUILD_DATE", "20261122", "20261123"],
    ["a commit that is not this one", "UPSTREAM", other, other.replaceAll("7", "8")],
    ["a short one", "GIT_SHA", "abc1234", "abc1235"],
    ["an id", "DEPLOYMENT", "6f1c9d1e-6c1b-4f0a-9a55-3d2c1b0a9f8e", "7f1c9d1e-6c1b-4f0a-9a55-3d2c1b0a9f8e"],
  ])("%s", (_, name, before, now) => {
    expect(found(withVariable(name, before), withVariable(name, now))).toEqual([
      expect.stringMatching(`^Variable ${name} of container web has another number, time or hash`),
    ]);
    expect(found(withVariable(name, before), withVariable(name, now)).join()).not.toContain(now);
    expect(found(withVariable(name, now), withVariable(name, now))).toEqual([]);
    expect(found(null, withVariable(name, now))).toEqual([]);
  });

  test("in a label too", () => {
    const labelled = (value: string): JsonMap => ({ containerDefinitions: [{ name: "web", dockerLabels: { value } }] });
    expect(found(labelled("2026-11-22T10:11Z"), labelled("2026-11-23T10:11Z"))).toHaveLength(1);
  });
});

test.each([
  ["a setting", "DAGSTER_RUN_MONITORING_SECONDS", "300", "600"],
  ["a size", "MAX_BYTES", "1073741824", "2147483648"],
  ["a day in the data", "START_DATE", "2026-01-01", "2026-02-01"],
  ["a text", "BUILD_NUMBER", "none", "42"],
  ["a version of something", "MODEL_VERSION", "7", "8"],
  ["a word that looks like a hash", "COLOUR", "decade1", "facade2"],
])("What people change is none: %s", (_, name, before, now) => {
  expect(found(withVariable(name, before), withVariable(name, now))).toEqual([]);
});

test("The commit needs nothing to be compared with, and is told once", () => {
  expect(found(withVariable("GIT_SHA", other), withVariable("GIT_SHA", commit))).toEqual([
    expect.stringContaining("holds the commit"),
  ]);
});
