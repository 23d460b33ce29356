import { readFileSync } from "node:fs";
import { readSecrets, specOf, withDatabase } from "../../../scripts/local-aws/spec.ts";

const text = readFileSync("examples/deal-flow/dagster-stack.yml", "utf8");
const specWith = (given: Readonly<Record<string, string>>) => specOf(text, "dagster-stack.yml", "local", given);

test("the environment is local where the file has one, else the top of the file, as in the quick start", () => {
  expect(specOf(text, "dagster-stack.yml", null, {}).environment).toBe("local");
  const [, quickStart = ""] =
    /```yaml\n(# dagster-stack\.yml\n[^]*?)```/.exec(readFileSync("docs/quick-start.md", "utf8")) ?? [];
  expect(specOf(quickStart, "dagster-stack.yml", null, {}).environment).toBe("production");
  expect(() => specOf(quickStart, "dagster-stack.yml", "local", {})).toThrow('no environment "local"');
});

test("a secret that is to hold the address of a database gets one; each other key is its own value", () => {
  const extended = text.replace("keys: [SYSTEM_DB_CONN_STRING] }]", "keys: [SYSTEM_DB_CONN_STRING, API_KEY] }]");
  const { secrets } = specOf(extended, "dagster-stack.yml", "local", {});
  expect(withDatabase(secrets, "postgresql+psycopg2://me@127.0.0.1:5/mine")).toEqual({
    "dealflow/local": '{"SYSTEM_DB_CONN_STRING":"postgresql+psycopg2://me@127.0.0.1:5/mine","API_KEY":"API_KEY"}',
  });
});

test("values that are given win, as texts or by key", () => {
  const given = readSecrets('{ "dealflow/local": { "SYSTEM_DB_CONN_STRING": "sqlite://" }, "other": "whole" }');
  expect(withDatabase(specWith(given).secrets, "postgresql://unused")).toEqual({
    "dealflow/local": '{"SYSTEM_DB_CONN_STRING":"sqlite://"}',
    other: "whole",
  });
});

test.each(["[]", '{ "a": 1 }', '{ "a": { "b": null } }'])(
  "values that are none are told how they are written: %s",
  (given) => {
    expect(() => readSecrets(given)).toThrow('JSON: {"name of a secret": {"KEY": "value"}}');
  },
);
