import { type Fault, faultsOf } from "../../../src/task-definitions/judge.ts";
import type { JsonMap } from "../../../src/domain/json.ts";

const purpose = {
  kind: "once",
  container: "app",
  port: null,
  platform: "linux/amd64",
  launches: false,
  locations: 0,
  carriesRuns: false,
  onFargate: false,
  commit: "0123456789abcdef0123456789abcdef01234567",
  before: null,
  judged: new Set<string>(),
} as const;

const found = (id: string, container: JsonMap, others: JsonMap = {}): readonly Fault[] => {
  const containerDefinitions = [{ name: "app", image: "app:1", ...container }];
  return faultsOf({ containerDefinitions, ...others }, purpose).filter((fault) => fault.id === id);
};

const all = { "awslogs-group": "/app", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "app" };

test.each<[string, readonly string[], string | null]>([
  ["FARGATE", [], null],
  ["FARGATE", ["awslogs-stream-prefix"], "error"],
  ["FARGATE", ["awslogs-region"], "error"],
  ["EC2", [], null],
  ["EC2", ["awslogs-stream-prefix"], "warning"],
  ["EC2", ["awslogs-region", "awslogs-stream-prefix"], "warning"],
  ["EC2", ["awslogs-group"], "error"],
])("on %s a log that lacks %j: %s", (compatibility, lacking, level) => {
  const options = Object.fromEntries(Object.entries(all).filter(([name]) => !lacking.includes(name)));
  const logConfiguration = { logDriver: "awslogs", options };
  const [fault] = found("log-options", { logConfiguration }, { requiresCompatibilities: [compatibility] });
  expect(fault?.level ?? null).toBe(level);
});

test.each([
  ["FARGATE", "is lost"],
  ["EC2", "is left with the Docker of its instance"],
])("on %s what a container without a log says %s", (compatibility, what) => {
  const [fault] = found("log-missing", {}, { requiresCompatibilities: [compatibility] });
  expect(fault?.what).toContain(what);
});

test.each(["$IMAGE", "${IMAGE}", "{{ image }}", "<IMAGE_NAME>", "<IMAGE1_NAME>", "<container-image>", "__IMAGE__"])(
  "an image %s is a placeholder that nobody replaced",
  (image) => expect(found("placeholder-left", { image })).toHaveLength(1),
);

test.each(["app:1", "registry/my__app:1", "registry/__app:1"])("an image %s is none", (image) =>
  expect(found("placeholder-left", { image })).toEqual([]),
);

test("a pattern by which lines of a log are joined may name its groups", () => {
  const options = { ...all, "awslogs-multiline-pattern": "^(?<date>[0-9]+) " };
  expect(found("placeholder-left", { logConfiguration: { logDriver: "awslogs", options } })).toEqual([]);
});
