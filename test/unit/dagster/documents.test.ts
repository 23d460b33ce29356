import { readFileSync } from "node:fs";
import { buildSchema, parse, validate } from "graphql";
import { documents } from "../../../src/dagster/documents.ts";

const schema = buildSchema(readFileSync("test/fixtures/dagster/schema-1.13.27.graphql", "utf8"));

test.each(documents.map((document) => [document.name, document] as const))(
  "%s is valid in Dagster's own schema",
  (name, document) => {
    expect(validate(schema, parse(document.text))).toEqual([]);
    expect(document.text).toContain(`${name}`);
  },
);

test("a field that Dagster does not have is found by this very check", () => {
  expect(validate(schema, parse("query X { instance { nonsense } }"))).toHaveLength(1);
});
