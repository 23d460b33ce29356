import { type Import, importsOf, impurities, objection } from "../../../scripts/arrows.ts";

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
    ["cli/main.ts", "../releases/work.ts"],
    ["bundle.ts", "./cli/main.ts"],
  ])("of %s may be %s", (file, specifier) => expect(objection({ file, specifier })).toBeNull());

  test.each([
    ["domain/plan.ts", "../aws/send.ts", "may not know src/aws"],
    ["domain/json.ts", "node:fs", "may not use node:fs"],
    ["aws/send.ts", "../releases/plan.ts", "may not know src/releases"],
    ["images/plan.ts", "../tasks/run.ts", "may not know src/tasks"],
    ["releases/rollout.ts", "@actions/core", "may not use @actions/core"],
    ["releases/rollout.ts", "../github/report.ts", "may not know src/github"],
    ["cli/main.ts", "../github/report.ts", "may not know src/github"],
    ["cli/request.ts", "../actions/inputs.ts", "may not know src/actions"],
    ["common/strings.ts", "../domain/plan.ts", "not a folder of the design"],
  ])("of %s may not be %s", (file, specifier, why) => expect(objection({ file, specifier })).toContain(why));
});

describe("a file that must be pure", () => {
  const imports = (graph: Record<string, readonly string[]>): Record<string, readonly Import[]> =>
    Object.fromEntries(
      Object.entries(graph).map(([file, specifiers]) => [file, specifiers.map((specifier) => ({ file, specifier }))]),
    );

  test.each<[string, Record<string, readonly string[]>, number]>([
    ["may compute", { "a/judge.ts": ["../domain/verdict.ts", "zod", "node:crypto"], "domain/verdict.ts": ["zod"] }, 0],
    ["may not read files", { "a/judge.ts": ["node:fs"] }, 1],
    ["may not call AWS", { "a/plan.ts": ["@aws-sdk/client-ecs"] }, 1],
    [
      "may not reach I/O through others either",
      {
        "a/plan.ts": ["./b.ts"],
        "a/b.ts": ["../aws/arn.ts", "./c.ts"],
        "a/c.ts": ["node:child_process"],
        "aws/arn.ts": [],
      },
      1,
    ],
  ])("%s", (_, graph, ways) => expect(impurities(Object.keys(graph)[0] ?? "", imports(graph))).toHaveLength(ways));

  test("is one by its name: others may do as they like", () =>
    expect(impurities("a/watch.ts", imports({ "a/watch.ts": ["node:fs"] }))).toEqual([]));
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
