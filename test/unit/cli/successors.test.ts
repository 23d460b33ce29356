import { readFileSync } from "node:fs";
import { verbs } from "../../../src/cli/verbs.ts";

const page = readFileSync("docs/command-line.md", "utf8");
const table = page.slice(page.indexOf("## In the place of"));

/** What the Makefile of a stack that deploys code by S3 knows. */
const makeVerbs =
  "dev stop dev-logs dev-reset create test add-repo update-repo remove-repo list-repos repo-logs infra-init infra-plan infra-apply infra-destroy build push deploy-dags deploy deploy-all logs url help aws-credentials";

test.each(makeVerbs.split(" "))("`make %s` has a successor", (verb) => {
  expect(table).toMatch(new RegExp(`^\\| .*\`make ${verb}\`.* \\| \\S.* \\|$`, "m"));
});

test("what is named as a successor is a command", () => {
  const rows = table.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| ---"));
  const named = rows.flatMap((row) =>
    [
      ...(row.split(" | ")[1] ?? "").matchAll(
        /`([a-z]+(?:-dags)?(?:(?<=`locations) (?:list|add|update|remove|logs))?)(?=[` ])/g,
      ),
    ].map(([, name = ""]) => name),
  );
  const others = ["dagster", "pytest", "tofu", "kind", "aws", "address"];
  expect(named.filter((name) => !others.includes(name) && !Object.hasOwn(verbs, name) && name !== "help")).toEqual([]);
  expect(named).toEqual(
    expect.arrayContaining([
      "deploy",
      "logs",
      "restart",
      "why",
      "migrate",
      "url",
      "locations list",
      "locations add",
      "locations remove",
    ]),
  );
});
