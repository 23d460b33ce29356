import { existsSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { parse } from "yaml";
import { parts } from "../../../scripts/generate.ts";
import { limits } from "../../../src/releases/limits.ts";
import { parseStackFile } from "../../../src/stack/index.ts";
import { contract, fixture, mistakesIn, stackOf, withTop } from "./reading.ts";

const read = (path: string) => {
  const url = new URL(`../../../${path}`, import.meta.url);
  return existsSync(url) ? readFileSync(url, "utf8") : "";
};

const generated = parts["schemas"]?.(read) ?? [];

function validator(name: string) {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  return ajv.compile(JSON.parse(read(`schemas/${name}.schema.json`)) as object);
}

describe("what is generated", () => {
  test("is a schema for each file that people or programs exchange, and the reference", () => {
    expect(generated.map(({ path }) => path)).toEqual([
      "schemas/dagster-stack.schema.json",
      "schemas/contract.schema.json",
      "schemas/release.schema.json",
      "schemas/intent.schema.json",
      "schemas/outcome.schema.json",
      "schemas/current.schema.json",
      "schemas/lock.schema.json",
      "schemas/command-line.schema.json",
      "docs/stack-file.md",
    ]);
  });

  test.each(generated.map(({ path, text }) => [path, text]))("%s is as the source says", (path, text) => {
    expect(read(path)).toBe(text);
  });
});

describe("the schema for editors", () => {
  const validate = validator("dagster-stack");

  test.each(["deal-flow", "dynamic-dags", "asset-manager", "data-platform"])("takes %s", (name) => {
    validate(parse(fixture(name)));
    expect(validate.errors).toBeNull();
  });

  test.each([
    ["a misspelt key", withTop("gates: { canery: {} }")],
    ["a misspelt key in an environment", withTop("environments: { staging: { gates: { canery: {} } } }")],
    ["an environment that renames the stack", withTop("environments: { staging: { name: other } }")],
    ["an unknown kind", withTop("services: { d: { kind: deamon, image: app } }")],
    ["a code location without a location", withTop("services: { c: { kind: code-location, image: app } }")],
    ["a number for text", withTop("environment: { A: 1 }")],
    ["a plain secret", withTop("secrets: { A: hunter2 }")],
    ["a region with a placeholder", 'name: shop\nregion: "${env.REGION}"\ncontract: ssm:/x\n'],
    ["no contract", "name: shop\nregion: eu-west-1\n"],
  ])("refuses %s, as the actions do", (_name, text) => {
    expect(validate(parse(text))).toBe(false);
    expect(mistakesIn(() => parseStackFile(text, "dagster-stack.yml"))).not.toEqual([]);
  });

  test.each([
    ["placeholders where a pattern is", 'volumes: { v: { efs: "${contract.efs}" } }\nsecrets: { A: "${env.A}" }'],
    ["an environment that says one thing of a service", "environments: { staging: { services: { d: { count: 1 } } } }"],
    ["an environment that says nothing", "environments: { staging: {} }"],
  ])("takes %s", (_name, text) => {
    validate(parse(withTop(text)));
    expect(validate.errors).toBeNull();
  });

  test("says of every key what it is for", () => {
    const bare: string[] = [];
    const visit = (schema: unknown, path: string): void => {
      if (typeof schema !== "object" || schema === null) return;
      for (const [key, value] of Object.entries(schema)) {
        if (key === "properties") {
          for (const [name, property] of Object.entries(value as object)) {
            // `tags` inside a network is what it is called.
            if (!("description" in (property as object)) && name !== "tags") bare.push(`${path}.${name}`);
            visit(property, `${path}.${name}`);
          }
        } else visit(value, path);
      }
    };
    visit(JSON.parse(read("schemas/dagster-stack.schema.json")), "");
    expect(bare).toEqual([]);
  });
});

describe("the schema of the contract", () => {
  test("takes what the product reads, and refuses another key", () => {
    const validate = validator("contract");
    expect(validate(contract())).toBe(true);
    expect(validate({ ...contract(), clustr: "x" })).toBe(false);
  });
});

describe("the reference", () => {
  const text = read("docs/stack-file.md");
  const [example = ""] = /(?<=```yaml\n)# yaml-language-server[^]*?(?=```)/.exec(text) ?? [];

  test("begins with a file that works", () => {
    const stack = stackOf(example, { contract: contract({ services: { code: { address: "code.internal" } } }) });
    expect(Object.keys(stack.services)).toEqual(["code", "daemon", "webserver"]);
  });

  test("has a table behind every mark", () => {
    const marks = [...text.matchAll(/<!-- keys:[^>]*-->\n(.*)\n/g)];
    expect(marks.length).toBeGreaterThan(25);
    for (const [, first] of marks) expect(first).toBe("| Key | Value | Default | Meaning |");
  });
});

test("the stack file of the quick start is one, with the code location that it speaks of", () => {
  const page = read("docs/quick-start.md");
  const [text = ""] = /(?<=```yaml\n)# dagster-stack\.yml\n[^]*?(?=```)/.exec(page) ?? [];
  const stack = stackOf(text, { contract: contract({ services: { code: { address: "code.shop.internal" } } }) });
  expect(Object.keys(stack.services)).toEqual(["code", "daemon", "webserver"]);
  expect(stack.services["code"]).toMatchObject({ location: "shop", module: "shop.definitions" });
  expect(limits(stack)).toEqual([]);
});
