import { ruleTable, type Rule } from "../../test/local-aws/rules.ts";
import type { Generated, Read } from "../generate.ts";

const path = "test/local-aws/README.md";
const table = /(<!-- rules -->\n)[^]*?(<!-- end -->)/;

/** The test bed's page: its prose as it is, its table made of the rules that the bed plays by. */
export function localAwsRules(read: Read): Generated {
  const rows = Object.entries<Rule>(ruleTable).map(([id, rule]) => {
    const value = rule.choices.length > 0 ? rule.choices.map(String).join(" \\| ") : rule.value;
    return `| ${id} | ${rule.says} | ${value ?? ""} | ${rule.certainty} | ${rule.source} |`;
  });
  const heading = ["| rule | says | value | certainty | source |", "| --- | --- | --- | --- | --- |"];
  const text = read(path).replace(table, (_whole, begin: string, end: string) =>
    [`${begin}${heading.join("\n")}`, ...rows, end].join("\n"),
  );
  return { path, text };
}
