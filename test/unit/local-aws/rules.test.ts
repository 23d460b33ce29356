import { readdirSync, readFileSync } from "node:fs";
import { localAwsRules } from "../../../scripts/generate/local-aws-rules.ts";
import { resolveRules, ruleTable, type Rule } from "../../local-aws/rules.ts";

const folder = new URL("./", import.meta.url);
const tests = readdirSync(folder)
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => readFileSync(new URL(name, folder), "utf8"))
  .join("\n");
const rules = Object.entries<Rule>(ruleTable);

describe("the table of rules", () => {
  test.each(rules.filter(([, { value }]) => value === null))("%s has no value: a test bears its id", (id) => {
    expect(tests).toContain(`law("${id}"`);
  });

  test.each(rules)("%s names its source, and is a switch when it is a choice that is not sure", (_id, rule) => {
    expect(rule.source.length).toBeGreaterThan(10);
    if (rule.certainty === "unsure") expect(rule.value).not.toBeNull();
    if (rule.choices.length > 0) expect(rule.choices.length).toBeGreaterThan(1);
  });

  test("is what the bed plays by, but for what is given", () => {
    expect(resolveRules().settlingSeconds).toBe(40);
    expect(resolveRules({ settlingSeconds: 1 })).toEqual({ ...resolveRules(), settlingSeconds: 1 });
  });

  test("stands in the README as it is", () => {
    const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
    const { path, text } = localAwsRules(read);
    expect(read(path)).toBe(text);
    expect(text).toContain("| settlingSeconds |");
  });
});
