import { importsOf, objection } from "../../../scripts/arrows.ts";

describe("an import", () => {
  test.each([
    ["releases/plan.ts", "../domain/plan.ts"],
    ["releases/rollout.ts", "../deployments/roll.ts"],
    ["gates/location.ts", "../dagster/client.ts"],
    ["deployments/watch.ts", "@aws-sdk/client-ecs"],
    ["deployments/judge.ts", "../domain/verdict.ts"],
    ["github/inputs.ts", "@actions/core"],
    ["git/history.ts", "../programs/run.ts"],
    ["domain/json.ts", "node:crypto"],
  ])("of %s may be %s", (file, specifier) => expect(objection({ file, specifier })).toBeNull());

  test.each([
    ["domain/plan.ts", "../aws/send.ts", "may not know src/aws"],
    ["domain/json.ts", "node:fs", "may not use node:fs"],
    ["aws/send.ts", "../releases/plan.ts", "may not know src/releases"],
    ["images/plan.ts", "../tasks/run.ts", "may not know src/tasks"],
    ["deployments/judge.ts", "./watch.ts", "pure"],
    ["deployments/judge.ts", "node:fs", "pure"],
    ["releases/plan.ts", "@aws-sdk/client-ecs", "pure"],
    ["releases/rollout.ts", "@actions/core", "may not use @actions/core"],
    ["releases/rollout.ts", "../github/report.ts", "may not know src/github"],
    ["common/strings.ts", "../domain/plan.ts", "not a folder of the design"],
  ])("of %s may not be %s", (file, specifier, why) => expect(objection({ file, specifier })).toContain(why));
});

test("imports are found however they are written", () => {
  const source = `import a from "./a.ts";\nimport "./b.ts";\nimport {\n  c,\n} from "./c.ts";\nimport type { D } from "./d.ts";\nexport { e } from "./e.ts";\nconst f = await import("./f.ts");\n`;
  expect(importsOf("x/y.ts", source).map(({ specifier }) => specifier)).toEqual([
    "./a.ts",
    "./b.ts",
    "./c.ts",
    "./e.ts",
    "./f.ts",
  ]);
});
