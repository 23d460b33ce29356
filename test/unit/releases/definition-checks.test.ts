import type { JsonMap } from "../../../src/domain/json.ts";
import { checkDefinitions } from "../../../src/releases/definition-checks.ts";
import type { Observation } from "../../../src/releases/observation.ts";
import { dealFlow } from "./world.ts";

const stack = dealFlow();
const commit = "0123456789abcdef0123456789abcdef01234567";

function idsOf(definition: string, content: JsonMap, services: object = {}): readonly string[] {
  const observation = {
    existing: {},
    environmentFile: null,
    services: services as Observation["services"],
    definitions: {},
  };
  return checkDefinitions(stack, observation, { [definition]: content }, commit).map(({ id }) => id);
}

const [logDriver, options] = [
  "awslogs",
  { "awslogs-group": "/dagster", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "x" },
];
const logConfiguration = { logDriver, options };

test("what a migration runs is looked at before anything is begun", () => {
  const [migration] = stack.migrations;
  const content = {
    family: "deal-flow-once-code",
    requiresCompatibilities: ["FARGATE"],
    networkMode: "awsvpc",
    cpu: "512",
    memory: "1024",
    runtimePlatform: { cpuArchitecture: "ARM64" },
    containerDefinitions: [{ name: "once", image: "repo@sha256:1", logConfiguration }],
  };
  expect(migration).toBeDefined();
  expect(idsOf(`once/${migration?.image ?? ""}`, content)).toEqual(["architecture-differs", "execution-role-missing"]);
});

test.each([
  ["FARGATE", [], true],
  [null, ["FARGATE_SPOT", "FARGATE"], true],
  [null, ["FARGATE", "instances"], false],
  ["EC2", [], false],
])("a service of launch type %s with providers %j is on Fargate: %s", (launchType, providers, expected) => {
  const key = Object.values(stack.services).find(({ kind }) => kind === "daemon")?.key ?? "";
  const container = stack.services[key]?.definition.container ?? "";
  const content = {
    family: "daemon",
    taskRoleArn: "arn:aws:iam::123456789012:role/daemon",
    networkMode: "awsvpc",
    cpu: "512",
    memory: "2048",
    containerDefinitions: [
      {
        name: container,
        image: "repo@sha256:1",
        command: ["dagster-daemon", "run"],
        stopTimeout: 120,
        logConfiguration,
      },
    ],
  };
  const service = {
    launchType,
    capacityProviders: providers.map((name) => ({ name, weight: 1, base: 0 })),
    balanced: [],
  };
  expect(idsOf(`service/${key}`, content, { [key]: service })).toEqual(expected ? ["execution-role-missing"] : []);
});
