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
const example = workflowSchema.parse(parse(readFileSync("examples/deal-flow/.github/workflows/deploy.yml", "utf8")));

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
