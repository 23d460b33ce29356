import type { StepResult } from "../../runner/run-step.ts";
import { type Checkout, checkOut, type SmallStack, startSmallStack } from "./small-stack.ts";

let small: SmallStack;
let checkout: Checkout;
const definition = {
  family: "theirs",
  networkMode: "awsvpc",
  requiresCompatibilities: ["FARGATE"],
  cpu: "256",
  memory: "512",
  containerDefinitions: [
    { name: "web", image: "old", command: ["run", "", "a=b=c"], environment: [{ name: "EMPTY", value: "" }] },
    { name: "side", image: "nginx", essential: false, dockerLabels: { empty: "" } },
  ],
  tags: [{ key: "team", value: "data" }],
};

beforeAll(async () => {
  small = await startSmallStack();
  // A file of a definition that no stack file names is registered by a role of the user's own.
  checkout = await checkOut(small, "all");
  await checkout.write("deploy/web.json", JSON.stringify(definition));
});
afterAll(async () => {
  await checkout.remove();
  await small.bed.close();
});

const region = { AWS_REGION: "eu-central-1" };
const step = (inputs: Readonly<Record<string, string>>, environment = region): Promise<StepResult> =>
  checkout.run(
    {
      action: "actions/register-task-def",
      with: { "task-definition": "deploy/web.json", "container-name": "web", ...inputs },
    },
    environment,
  );
const operations = (): readonly string[] => small.bed.calls.map(({ operation }) => operation);

test("a file is registered with what is asked for, and nothing of it is lost; once", async () => {
  const asked = { image: "new", "environment-variables": "LOG_LEVEL=debug\nURL=a=b" };
  const first = await step(asked);
  expect(first.log.join("\n")).toContain("theirs:1");
  expect(first.exitCode).toBe(0);
  expect(first.outputs).toMatchObject({
    changed: "true",
    "task-definition-arn": expect.stringMatching(/:task-definition\/theirs:1$/) as unknown,
    "task-definition": expect.stringMatching(/task-definition-theirs\.json$/) as unknown,
  });
  expect(first.outputs["definition-changes"]).not.toContain("debug");
  const second = await step(asked);
  expect(second.outputs).toMatchObject({
    changed: "false",
    "task-definition-arn": first.outputs["task-definition-arn"],
  });
  expect(JSON.parse(second.outputs["definition-changes"] ?? "")).toMatchObject([{ from: "theirs:1", changes: [] }]);
  const sent = small.bed.aws.calls.filter(
    ({ operation, input }) =>
      operation === "RegisterTaskDefinition" && (input as { family?: string }).family === "theirs",
  );
  expect(sent).toHaveLength(1);
  const [web, side] = definition.containerDefinitions;
  expect(sent[0]?.input).toMatchObject({
    ...definition,
    containerDefinitions: [
      {
        ...web,
        image: "new",
        environment: [
          { name: "EMPTY", value: "" },
          { name: "LOG_LEVEL", value: "debug" },
          { name: "URL", value: "a=b" },
        ],
      },
      side,
    ],
    tags: [
      { key: "team", value: "data" },
      { key: "dagster-ecs:repository", value: "owner/small" },
      { key: "dagster-ecs:commit" },
      { key: "dagster-ecs:content-hash" },
    ],
  });
});

test("with `register: false` the file is written, and AWS is not called", async () => {
  const before = operations().length;
  const { exitCode, outputs } = await step({ image: "newer", register: "false" }, {} as typeof region);
  expect(exitCode).toBe(0);
  expect(outputs["task-definition"]).toMatch(/task-definition-theirs\.json$/);
  expect(operations()).toHaveLength(before);
});

test("secrets may be named as in a stack file, and the revision tells repository and commit", async () => {
  const arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/other";
  const role = small.infrastructure.contract.roles["execution"] ?? "";
  const executionRoleArn = `arn:aws:iam::123456789012:role/${role}`; // ECS takes no secrets without
  await checkout.write("deploy/roled.json", JSON.stringify({ ...definition, family: "roled", executionRoleArn }));
  const secrets = `A=secret:shop/prod#API\nB=ssm:/shop/b\nC=${arn}`;
  const result = await step({ "task-definition": "deploy/roled.json", image: "named", secrets });
  expect(result.annotations.filter(({ level }) => level === "error")).toEqual([]);
  const sent = small.bed.aws.calls.findLast(({ operation }) => operation === "RegisterTaskDefinition");
  const account = "123456789012";
  expect(sent?.input).toMatchObject({
    containerDefinitions: [
      {
        secrets: [
          { name: "A", valueFrom: `arn:aws:secretsmanager:eu-central-1:${account}:secret:shop/prod:API::` },
          { name: "B", valueFrom: `arn:aws:ssm:eu-central-1:${account}:parameter/shop/b` },
          { name: "C", valueFrom: arn },
        ],
      },
      {},
    ],
    tags: expect.arrayContaining([
      { key: "dagster-ecs:repository", value: "owner/small" },
      { key: "dagster-ecs:commit", value: checkout.git("rev-parse", "HEAD").trim() },
    ]) as unknown,
  });
});

test("what is known to go wrong is told, and stops nothing; a member of another type stops before AWS is called", async () => {
  const told = await step({ image: "told", "environment-variables": "DB_PASSWORD=hunter2" });
  expect(told.exitCode).toBe(0);
  const words = told.annotations.map(({ level, message }) => `${level} ${message}`).join("\n");
  expect(words).toMatch(/^warning .*DB_PASSWORD/m);
  expect(words).toMatch(/^warning There is no execution role/m);
  expect(words).not.toContain("hunter2");
  const [web] = definition.containerDefinitions;
  const odd = { ...definition, containerDefinitions: [{ ...web, stopTimeout: "30", helthCheck: {} }] };
  await checkout.write("deploy/odd.json", JSON.stringify(odd));
  const before = operations().length;
  const stopped = await step({ "task-definition": "deploy/odd.json", image: "new" });
  expect(stopped.exitCode).toBe(1);
  const all = stopped.annotations.map(({ level, message }) => `${level} ${message}`).join("\n");
  expect(all).toMatch(/^notice .*helthCheck[^]*Did you mean `healthCheck`/m);
  expect(all).toMatch(/^error .*stopTimeout must be a whole number, without quotes/m);
  expect(operations()).toHaveLength(before);
});

test.each<[string, Readonly<Record<string, string>>, RegExp]>([
  [
    "a container that is not there",
    { "container-name": "wep", image: "new" },
    /has no container "wep"[^]*Did you mean `web`/,
  ],
  ["an image for nobody", { "container-name": "", image: "new" }, /nothing says for which container/],
  [
    "a file that is not there",
    { "task-definition": "deploy/none.json", image: "new" },
    /deploy\/none\.json cannot be read/,
  ],
  ["what is for a stack file", { image: "new", only: "code" }, /`only` is for a stack file/],
  [
    "what is for a definition file",
    { "task-definition": "", image: "new" },
    /is for a definition file, and `task-definition` is empty/,
  ],
  ["a secret that is misspelt", { image: "new", secrets: "API=ssm:shop/prod" }, /The secret for API is no reference/],
  [
    "a line that sets nothing",
    { image: "new", "environment-variables": "LOG_LEVEL" },
    /environment-variables has lines name=value/,
  ],
])(
  "%s is refused before AWS is called",
  async (_, inputs, what) => {
    const before = operations().length;
    const { exitCode, annotations } = await step(inputs);
    expect(exitCode).toBe(1);
    expect(annotations.map(({ message }) => message).join("\n")).toMatch(what);
    expect(operations()).toHaveLength(before);
  },
  60_000,
);
