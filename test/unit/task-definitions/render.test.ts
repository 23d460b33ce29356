import { later, resolve, stepsBehind } from "../../../src/domain/later.ts";
import { type GeneratedRequest, type LoadedCode, render } from "../../../src/task-definitions/render.ts";

const image = `123456789012.dkr.ecr.eu-west-1.amazonaws.com/code@sha256:${"0".repeat(64)}`;
const request: GeneratedRequest = {
  kind: "generated",
  family: "deal-flow-code",
  container: "code",
  role: {
    kind: "code-location",
    port: 4000,
    module: "app.main",
    pythonPath: null,
    workdir: null,
    context: { taskDefinitionArn: "arn:run:1", containerName: "run" },
  },
  image,
  dags: null,
  command: null,
  environment: { ZONE: "b", ALPHA: "a" },
  secrets: { PASSWORD: "arn:aws:ssm:eu-west-1:123456789012:parameter/password" },
  size: { cpu: 512, memory: 2048 },
  volumes: [],
  platform: "linux/arm64",
  executionRoleArn: "arn:aws:iam::123456789012:role/exec",
  taskRoleArn: "arn:aws:iam::123456789012:role/task",
  log: { group: "/dagster/deal-flow", region: "eu-west-1", prefix: "code" },
  region: "eu-west-1",
  labels: {},
  tags: {},
};
const container = (change: Partial<GeneratedRequest>): Record<string, unknown> => {
  const { containerDefinitions } = render({ ...request, ...change }) as unknown as {
    containerDefinitions: [Record<string, unknown>];
  };
  return containerDefinitions[0];
};

describe("a code location", () => {
  test("is served for other tasks, and fails fast when its code does not load", () => {
    expect(container({})["command"]).toEqual([
      "dagster",
      "api",
      "grpc",
      "-h",
      "0.0.0.0",
      "-p",
      "4000",
      "-m",
      "app.main",
    ]);
  });

  test("names its image, and the task definition of its runs", () => {
    const environment = container({})["environment"] as { name: string; value: string }[];
    const value = (name: string): string | undefined => environment.find((variable) => variable.name === name)?.value;
    expect(value("DAGSTER_CURRENT_IMAGE")).toBe(image);
    expect(JSON.parse(value("DAGSTER_CONTAINER_CONTEXT") ?? "")).toEqual({
      ecs: { task_definition_arn: "arn:run:1", container_name: "run" },
    });
  });

  test("waits for the image and for that task definition when they are made in the same release", () => {
    const context = { taskDefinitionArn: later("register:run", "arn"), containerName: 'a "quoted" name' };
    const rendered = render({
      ...request,
      image: later("image:code", "digest"),
      role: { kind: "code-location", port: 4000, module: "app.main", pythonPath: null, workdir: null, context },
    });
    expect([...stepsBehind(rendered)].sort()).toEqual(["image:code", "register:run"]);
    const resolved = JSON.stringify(
      resolve(rendered, { "image:code": { digest: "the-image" }, "register:run": { arn: "arn:run:2" } }),
    );
    const { containerDefinitions } = JSON.parse(resolved) as {
      containerDefinitions: [{ environment: { name: string; value: string }[] }];
    };
    const value = containerDefinitions[0].environment.find(({ name }) => name === "DAGSTER_CONTAINER_CONTEXT")?.value;
    expect(JSON.parse(value ?? "")).toEqual({
      ecs: { task_definition_arn: "arn:run:2", container_name: 'a "quoted" name' },
    });
  });
});

describe("webserver and daemon", () => {
  const context = { taskDefinitionArn: "arn:run:1", containerName: "run" };
  const hosts = (code: LoadedCode | null) => [
    { kind: "webserver", port: 3000, workspace: null, code } as const,
    { kind: "daemon", workspace: null, code } as const,
  ];
  const told = (role: GeneratedRequest["role"]): readonly string[] =>
    (container({ role })["environment"] as { name: string }[]).map(({ name }) => name);

  test.each(hosts({ context }))("that load code tell its image and the definition of its runs: $kind", (role) => {
    expect(told(role)).toEqual(expect.arrayContaining(["DAGSTER_CURRENT_IMAGE", "DAGSTER_CONTAINER_CONTEXT"]));
  });

  test.each(hosts({ context: null }))("in which runs live tell the image only: $kind", (role) => {
    expect(told(role)).toContain("DAGSTER_CURRENT_IMAGE");
    expect(told(role)).not.toContain("DAGSTER_CONTAINER_CONTEXT");
  });

  test.each(hosts(null))("that load no code tell neither, and so do not move with it: $kind", (role) => {
    expect(told(role).filter((name) => name.startsWith("DAGSTER_"))).toEqual([]);
  });
});

test("variables and secrets stand in the order of their names, so that equal requests render equal texts", () => {
  const reordered = { ...request, environment: { ALPHA: "a", ZONE: "b" } };
  expect(JSON.stringify(render(reordered))).toBe(JSON.stringify(render(request)));
  expect(container({})["secrets"]).toEqual([{ name: "PASSWORD", valueFrom: request.secrets["PASSWORD"] }]);
});

test.each([
  [
    "webserver",
    { kind: "webserver", port: 3001, workspace: "/app/workspace.yaml", code: null } as const,
    ["dagster-webserver", "-h", "0.0.0.0", "-p", "3001", "-w", "/app/workspace.yaml"],
    60,
  ],
  ["daemon", { kind: "daemon", workspace: null, code: null } as const, ["dagster-daemon", "run"], 120],
])("a %s has its command, its health check and time to stop", (_, role, command, stopTimeout) => {
  const rendered = container({ role });
  expect(rendered["command"]).toEqual(command);
  expect(rendered["stopTimeout"]).toBe(stopTimeout);
  expect(rendered["healthCheck"]).toBeDefined();
});

test.each([{ kind: "run" } as const, { kind: "once" } as const])(
  "a definition of $kind leaves the command to who starts it",
  (role) => {
    expect(container({ role })).not.toHaveProperty("command");
    expect(container({ role })).not.toHaveProperty("healthCheck");
    expect(container({ role })).not.toHaveProperty("entryPoint");
  },
);

test("a command of the stack file replaces the one of the kind", () =>
  expect(container({ command: ["x"] })["command"]).toEqual(["x"]));

describe("volumes", () => {
  const volumes = [{ name: "warehouse", fileSystem: "fs-12345678", path: "/data" }];

  test("are file systems that are reached by TLS, as the role of the task", () => {
    expect(render({ ...request, volumes })).toMatchObject({
      volumes: [
        {
          name: "warehouse",
          efsVolumeConfiguration: {
            fileSystemId: "fs-12345678",
            transitEncryption: "ENABLED",
            authorizationConfig: { iam: "ENABLED" },
          },
        },
      ],
    });
    expect(container({ volumes })["mountPoints"]).toEqual([
      { sourceVolume: "warehouse", containerPath: "/data", readOnly: false },
    ]);
  });

  test("are reached without a role where the task has none: ECS refuses it", () => {
    const { volumes: rendered } = render({ ...request, volumes, taskRoleArn: null }) as { volumes: unknown };
    expect(JSON.stringify(rendered)).not.toContain("iam");
  });

  test("leave no trace where there are none", () => {
    expect(render(request)).not.toHaveProperty("volumes");
    expect(container({})).not.toHaveProperty("mountPoints");
  });
});
