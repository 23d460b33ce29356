import { compareWithRunning } from "../../../src/adopt/compare.ts";
import type { Json, JsonMap } from "../../../src/domain/json.ts";
import { later } from "../../../src/domain/later.ts";
import { compareDefinitions } from "../../../src/task-definitions/compare.ts";
import { contextWithout } from "../../../src/task-definitions/container-context.ts";
import { containerIn } from "../../../src/task-definitions/existing.ts";
import { type ExistingRequest, render } from "../../../src/task-definitions/render.ts";
import { namedIn } from "../../../src/task-definitions/variables.ts";

const before = {
  ecs: { env_vars: ["DB_PASSWORD=hunter2"], run_resources: { cpu: "2048" }, task_definition_arn: "arn:old" },
  k8s: { env_vars: ["X=hunter3"] },
};
const definition = (context: string): JsonMap => ({
  containerDefinitions: [
    { name: "code", image: "i@sha256:1", environment: [{ name: "DAGSTER_CONTAINER_CONTEXT", value: context }] },
  ],
});
const request = (context: string, taskDefinitionArn: ExistingRequest["image"] = "arn:run:1"): ExistingRequest => ({
  kind: "existing",
  family: "code",
  container: "code",
  content: definition(context),
  image: "i@sha256:1",
  variables: [],
  code: { context: { taskDefinitionArn, containerName: "run" } },
  labels: {},
  tags: {},
});
const contextIn = (content: Json) =>
  namedIn(containerIn(content, "code") ?? {}, "environment")["DAGSTER_CONTAINER_CONTEXT"];

test("a release sets the definition of runs, and keeps what else their context gives them", () => {
  const context = contextIn(render(request(JSON.stringify(before))) as Json);
  expect(JSON.parse(typeof context === "string" ? context : "")).toEqual({
    ...before,
    ecs: { ...before.ecs, task_definition_arn: "arn:run:1", container_name: "run" },
  });
  const waiting = contextIn(render(request(JSON.stringify(before), later("register:run", "arn"))) as Json);
  expect(JSON.stringify(waiting)).toContain("DB_PASSWORD=hunter2");
});

test.each(["no json", "[]", '{"ecs": 1}', "null"])("a context that is none is refused: %s", (context) =>
  expect(() => render(request(context))).toThrow("DAGSTER_CONTAINER_CONTEXT is no JSON object"),
);

test("a context that comes from a secret is refused, and not replaced", () => {
  const secret = { name: "DAGSTER_CONTAINER_CONTEXT", valueFrom: "arn:aws:ssm:eu-central-1:123456789012:parameter/c" };
  const content = { containerDefinitions: [{ name: "code", image: "i@sha256:1", secrets: [secret] }] };
  expect(() => render({ ...request("{}"), content })).toThrow("comes from a secret");
  const isPlain = { ...request("{}"), content, code: null };
  expect(JSON.stringify(render(isPlain))).toContain("parameter/c");
});

describe("without releases a context is", () => {
  const released = (context: object): string =>
    JSON.stringify({
      ...context,
      ecs: {
        ...("ecs" in context ? (context.ecs as object) : {}),
        task_definition_arn: "arn:run:9",
        container_name: "run",
      },
    });
  const parsed = (text: string | null): unknown => (text === null ? null : JSON.parse(text));

  test.each<[string, object, string | null, unknown]>([
    ["none, where there was none", {}, null, null],
    ["what it was, to the letter", before, ` ${JSON.stringify(before)}`, before],
    [
      "what it holds now, with the definition of runs that it named",
      { ...before, k8s: { env_vars: ["X=new"] } },
      JSON.stringify(before),
      { ...before, k8s: { env_vars: ["X=new"] } },
    ],
    [
      "what was added, where there was none",
      { ecs: { run_resources: { cpu: "1024" } } },
      null,
      { ecs: { run_resources: { cpu: "1024" } } },
    ],
  ])("%s", (_, now, was, expected) => {
    const text = contextWithout(released(now), was);
    expect(parsed(text)).toEqual(expected);
    if (now === before) expect(text).toBe(was);
  });

  test("what it was, where it is none now", () => {
    expect(contextWithout("no json", "{}")).toBe("{}");
  });
});

test("a diff shows the definition of runs, and hides what else the context holds", () => {
  const [from, to] = [definition(JSON.stringify(before)), render(request(JSON.stringify(before))) as Json];
  const text = JSON.stringify(compareDefinitions(from, to));
  expect(text).not.toMatch(/hunter|2048/);
  expect(text).toMatch(/arn:old.*arn:run:1/);
  expect(JSON.stringify(compareDefinitions(from, definition("hunter4, no JSON")))).not.toContain("hunter");
});

test.each<[string, JsonMap, string]>([
  ["keeps the rest", { ...before, ecs: { ...before.ecs, task_definition_arn: "arn:run:1" } }, "told"],
  ["loses the rest", { ecs: { task_definition_arn: "arn:run:1" } }, "changes"],
])("adopt: a context that %s", (_, context, meaning) => {
  const running = { revision: { family: "code", revision: 1 }, content: definition(JSON.stringify(before)) };
  const { definitions } = compareWithRunning(
    {
      plan: { steps: [], shownVariables: [] },
      contents: { "service/code": definition(JSON.stringify(context)) },
    } as never,
    { definitions: { "service/code": { running, newest: null } } } as never,
    {},
  );
  expect(definitions[0]?.differences.map((one) => one.meaning)).toEqual([meaning]);
});
