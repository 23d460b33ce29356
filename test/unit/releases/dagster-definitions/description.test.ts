import { readFileSync } from "node:fs";
import { parseDescription } from "../../../../src/releases/dagster-definitions/description.ts";
import { describeProgram } from "../../../../src/releases/dagster-definitions/program.ts";

const written = (change: object): string =>
  JSON.stringify({ format: 1, dagster: "1.13.27", location: "shop", repositories: [], ...change });

test("what the program has written is what code defines; members that a later version adds are left alone", () => {
  const repository = {
    name: "__repository__",
    jobs: [{ name: "load" }],
    schedules: [],
    sensors: [],
    assets: [],
    more: 1,
  };
  expect(parseDescription(written({ repositories: [repository], later: true }))).toMatchObject({
    kind: "described",
    location: "shop",
    repositories: [{ name: "__repository__", jobs: ["load"] }],
  });
});

test("code that does not load tells why, and where in the image; what only a secret looks like is not shown", () => {
  const token = `ghp_${"a1B2".repeat(9)}`;
  const failure = { words: `KeyError: '${token}'`, module: null, place: "/tmp/x/image/app/main.py:3" };
  const described = parseDescription(written({ failure }), "/tmp/x/image");
  expect(described).toMatchObject({
    kind: "failed",
    words: { untrusted: expect.stringContaining("(/app/main.py:3)") as string },
  });
  expect(JSON.stringify(described)).not.toContain(token);
});

test.each<[string, string, RegExp]>([
  ["no JSON", "loading…", /is not what definitions\/describe\.py writes \(all of it/],
  ["another format", written({ format: 2 }), /\(format: /],
  ["a name that is none", written({ repositories: [{ name: "" }] }), /\(repositories\.0\.name: /],
  ["neither", JSON.stringify({ format: 1, location: null }), /neither repositories nor a failure/],
])("%s is refused, and it is said what is wrong", (_, text, words) => {
  expect(parseDescription(text)).toMatch(words);
});

test("what a plan runs is the file that people run", () => {
  const file = new URL("../../../../definitions/describe.py", import.meta.url);
  expect(describeProgram).toBe(readFileSync(file, "utf8"));
});
