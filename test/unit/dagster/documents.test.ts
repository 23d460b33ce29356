import { readdirSync, readFileSync } from "node:fs";
import { buildSchema, type GraphQLSchema, parse, validate } from "graphql";
import { versions } from "../../../scripts/dagster-schemas.ts";
import { reduced } from "../../../scripts/dagster-schemas/reduce.ts";
import { documents } from "../../../src/dagster/documents.ts";
import { askedSince, isOlder, oldestAsked, oldestWhole } from "../../../src/dagster/versions.ts";

const read = (path: string): string => readFileSync(`test/fixtures/dagster/${path}`, "utf8");
const schemas = new Map<string, GraphQLSchema>(
  versions.map((version) => [version, buildSchema(read(`schemas/${version}.graphql`))]),
);
/** The whole schema of the version that the tests' lock file pins. */
const whole = read("schema-1.13.27.graphql");
const wholeSchema = buildSchema(whole);

const texts = documents.map(({ text }) => text);
const named = documents.map((document) => [document.name, document] as const);

const since = (name: string): string => askedSince[name] ?? oldestAsked;
const refusedBy = (version: string): readonly string[] =>
  documents.flatMap(({ name, text }) => {
    const schema = schemas.get(version);
    return schema !== undefined && validate(schema, parse(text)).length > 0 ? [name] : [];
  });

describe.each([...schemas])("Dagster %s", (version, schema) => {
  const asked = named.filter(([name]) => !isOlder(version, since(name)));

  test.each(asked)("knows all that %s asks", (name, { text }) => {
    expect(validate(schema, parse(text)).map(({ message }) => message)).toEqual([]);
    expect(text).toContain(name);
  });

  test("refuses a field that it does not have, by this very check", () => {
    expect(validate(schema, parse("query X { instance { nonsense } }"))).toHaveLength(1);
  });
});

describe("What is asked of newer versions only", () => {
  test("is what some release before them does not know", () => {
    for (const [name, minor] of Object.entries(askedSince))
      expect([name, versions.some((version) => isOlder(version, minor) && refusedBy(version).includes(name))]).toEqual([
        name,
        true,
      ]);
  });

  test("is nothing from the version on that knows every document", () => {
    const known = versions.filter((version) => !isOlder(version, oldestWhole));
    expect(known.flatMap(refusedBy)).toEqual([]);
    expect(documents.filter(({ name }) => isOlder(oldestWhole, since(name)))).toEqual([]);
  });

  test("leaves what tells whether a release works to the oldest", () => {
    const always = ["Locations", "ReloadLocation", "DaemonHealth", "Instigators", "LaunchRun", "RunById", "RunEvents"];
    expect(always.filter((name) => since(name) !== oldestAsked)).toEqual([]);
  });
});

describe("the schemas that are kept", () => {
  const minors = [...new Set(versions.map((version) => version.split(".").slice(0, 2).join(".")))];

  test("are those of every minor version from the oldest that is supported, its first release and a later one", () => {
    const numbers = minors.map((minor) => Number(minor.split(".")[1]));
    expect(minors[0]).toBe(oldestAsked);
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
    for (const minor of minors) {
      const patches = versions.filter((version) => version.startsWith(`${minor}.`));
      expect(patches).toHaveLength(2);
      expect(patches[0]).toBe(`${minor}.0`);
    }
    expect(readdirSync("test/fixtures/dagster/schemas").sort()).toEqual(versions.map((one) => `${one}.graphql`).sort());
  });

  test("are each of the version that its name says", () => {
    for (const version of versions)
      expect(read(`schemas/${version}.graphql`)).toMatch(new RegExp(`^# GraphQL schema of Dagster ${version} `));
  });
});

describe("a schema that is reduced to what documents touch", () => {
  const text = reduced(whole, texts, []);
  const small = buildSchema(text);

  test.each(named)("accepts %s as the whole one does", (_, { text }) => {
    expect(validate(wholeSchema, parse(text))).toEqual([]);
    expect(validate(small, parse(text))).toEqual([]);
  });

  test.each([
    ["a field that is none", "runId", "runIdentity"],
    ["an argument that is none", "limit: 1)", "limits: 1)"],
    ["a value that is none", "SAFE_TERMINATE", "SAFELY"],
    ["a type that is none", "... on Run ", "... on Runner "],
    ["a type that cannot be there", "... on Run ", "... on RepositoryLocation "],
    ["a variable of another type", "$runId: ID!", "$runId: Int!"],
  ])("refuses %s as the whole one does", (_, from, to) => {
    const changed = documents.map(({ text }) => text.replace(from, to)).filter((text) => text.includes(to));
    const refusals = (schema: GraphQLSchema): readonly boolean[] =>
      changed.map((text) => validate(schema, parse(text)).length > 0);
    expect(refusals(small)).toEqual(refusals(wholeSchema));
    expect(refusals(small)).toContain(true);
  });

  test("has less than a fifth of its lines", () => {
    expect(text.split("\n").length * 5).toBeLessThan(whole.split("\n").length);
  });
});
