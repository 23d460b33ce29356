import { readdirSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import * as z from "zod";

/** What stands between the lines of a fence, from every page that users read. */
const pages = [
  "README.md",
  ...readdirSync("docs")
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
  ...readdirSync("actions").map((name) => `actions/${name}/README.md`),
].filter((page) => page !== "actions/stack/README.md");
const blocks = pages.flatMap((page) =>
  [...readFileSync(page, "utf8").matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, text = ""]) => ({ page, text })),
);

const stepSchema = z.looseObject({
  id: z.string().optional(),
  uses: z.string(),
  with: z.record(z.string(), z.unknown()).default({}),
});
type Step = z.infer<typeof stepSchema>;

function stepsIn(value: unknown): readonly Step[] {
  if (Array.isArray(value)) return value.flatMap(stepsIn);
  if (typeof value !== "object" || value === null) return [];
  const step = stepSchema.safeParse(value);
  return step.success ? [step.data] : Object.values(value).flatMap(stepsIn);
}

/** Steps that are this suite's own, and what they are told. */
const steps = blocks.flatMap(({ page, text }) =>
  stepsIn(parse(text)).flatMap((step) => {
    const [, action] = /^OWNER\/dagster-ecs-actions\/actions\/([\w-]+)@/.exec(step.uses) ?? [];
    return action === undefined ? [] : [{ page, action, id: step.id, inputs: step.with }];
  }),
);
const named = steps.filter(({ id }) => id !== undefined);

const references = blocks.flatMap(({ page, text }) =>
  [...text.matchAll(/\bsteps\.([\w-]+)\.outputs\.([\w-]+)/g)].map(([, id = "", output = ""]) => ({ page, id, output })),
);

const partsSchema = z.object({
  inputs: z.record(z.string(), z.unknown()),
  outputs: z.record(z.string(), z.unknown()).default({}),
});
const partsOf = (action: string): z.infer<typeof partsSchema> =>
  partsSchema.parse(parse(readFileSync(`actions/${action}/action.yml`, "utf8")));

test("an id stands for the same action on every page", () => {
  const actions = Object.groupBy(named, ({ id }) => id ?? "");
  for (const [id, all = []] of Object.entries(actions))
    expect({ id, actions: [...new Set(all.map(({ action }) => action))] }).toEqual({ id, actions: [all[0]?.action] });
});

test.each(references)("$page: steps.$id gives $output", ({ id, output }) => {
  const step = named.find((one) => one.id === id);
  expect({ id, action: step?.action }).toEqual({ id, action: expect.any(String) as unknown });
  expect(Object.keys(partsOf(step?.action ?? "").outputs)).toContain(output);
});

test("what a step gives is taken from one that makes it", () => {
  const silent = new Set(named.filter(({ inputs }) => inputs["register"] === "false").map(({ id }) => id));
  expect(references.filter(({ id, output }) => output === "task-definition-arn" && silent.has(id))).toEqual([]);
});

test.each(steps)("$page: $action is given inputs that it has", ({ action, inputs }) => {
  expect(Object.keys(partsOf(action).inputs)).toEqual(expect.arrayContaining(Object.keys(inputs)));
});

test.each(blocks.filter(({ text }) => text.includes("actions/checkout@")))(
  "$page: a checkout is of the newest version, and leaves no token behind",
  ({ text }) => {
    const checkouts = stepsIn(parse(text)).filter(({ uses }) => uses.startsWith("actions/checkout@"));
    for (const { uses, with: inputs } of checkouts)
      expect([uses, inputs["persist-credentials"]]).toEqual(["actions/checkout@v7", false]);
    expect(checkouts.length).toBeGreaterThan(0);
  },
);

test("the chain with a stack file and the one without stand whole in one page", () => {
  const whole = blocks
    .filter(({ page, text }) => page === "docs/workflows.md" && text.startsWith("# .github/workflows/"))
    .map(({ text }) => stepsIn(parse(text)).flatMap(({ uses }) => /actions\/([\w-]+)@v1$/.exec(uses)?.[1] ?? []))
    .filter((actions) => actions.length > 1);
  expect(whole).toEqual([
    ["build-push-image", "run-migrations", "register-task-def", "deploy-service"],
    ["build-push-image", "register-task-def", "deploy-service"],
  ]);
});
