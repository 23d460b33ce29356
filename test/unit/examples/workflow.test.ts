import { readFileSync } from "node:fs";
import { parse } from "yaml";
import * as z from "zod";

const stepSchema = z.object({ uses: z.string(), with: z.record(z.string(), z.unknown()).default({}) });
const workflowSchema = z.object({
  on: z.unknown(),
  permissions: z.strictObject({}),
  jobs: z.record(
    z.string(),
    z.looseObject({
      if: z.string().optional(),
      permissions: z.record(z.string(), z.string()),
      steps: z.array(stepSchema),
    }),
  ),
});
type Workflow = z.infer<typeof workflowSchema>;

const readme = readFileSync("README.md", "utf8");
const exampleOf = (name: string): Workflow =>
  workflowSchema.parse(parse(readFileSync(`examples/${name}/.github/workflows/deploy.yml`, "utf8")));
const example = exampleOf("deal-flow");

function inReadme(name: string): Workflow {
  const [, text = ""] = new RegExp(`\`\`\`yaml\n# \\.github/workflows/${name}\\.yml\n([^]*?)\`\`\``).exec(readme) ?? [];
  return workflowSchema.parse(parse(text));
}

/** All but when it runs: the example has three jobs in one file. */
function without(job: Workflow["jobs"][string] | undefined): unknown {
  const { if: _if, ...rest } = job ?? {};
  return rest;
}

test.each(["deploy", "preview"])("the example's job %s does what the README's does", (name) => {
  expect(without(example.jobs[name])).toEqual(without(inReadme(name).jobs[name]));
});

test("that of data-platform is the same, but for what its image is made with", () => {
  const own = /^(actions\/(setup-python|cache)@)/;
  const { deploy, ...others } = exampleOf("data-platform").jobs;
  if (deploy === undefined) throw new Error("it has no job deploy");
  expect(deploy.steps.filter(({ uses }) => own.test(uses)).map((step) => step.with)).toEqual([
    { "python-version": "3.12" },
    { path: "${{ runner.tool_cache }}/dagster-ecs", key: expect.stringContaining("requirements.lock") as unknown },
  ]);
  const same = { ...deploy, steps: deploy.steps.filter(({ uses }) => !own.test(uses)) };
  expect({ deploy: same, ...others }).toEqual(example.jobs);
});

test("it is deployed on a push, previewed on a pull request, taken back on a dispatch", () => {
  expect(Object.keys(z.record(z.string(), z.unknown()).parse(example.on))).toEqual([
    "push",
    "pull_request",
    "workflow_dispatch",
  ]);
  expect(
    Object.entries(example.jobs).map(([name, job]) => [name, /event_name == '(\w+)'/.exec(job.if ?? "")?.[1]]),
  ).toEqual([
    ["deploy", "push"],
    ["preview", "pull_request"],
    ["rollback", "workflow_dispatch"],
  ]);
});

test("each job gives the action inputs that it has", () => {
  const action = z
    .object({ inputs: z.record(z.string(), z.unknown()) })
    .parse(parse(readFileSync("action.yml", "utf8")));
  const given = Object.values(example.jobs).flatMap(({ steps }) =>
    steps.filter(({ uses }) => uses.startsWith("OWNER/")).map((step) => Object.keys(step.with)),
  );
  expect(given).toEqual([["role-to-assume"], ["command", "role-to-assume"], ["command", "to", "role-to-assume"]]);
  expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(given.flat()));
});
