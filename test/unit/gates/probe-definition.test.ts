import { askerDefinition } from "../../../src/gates/probe/definition.ts";
import type { Json } from "../../../src/domain/json.ts";

const logConfiguration = {
  logDriver: "awslogs",
  options: { "awslogs-group": "/shop", "awslogs-stream-prefix": "web" },
};
const web = {
  name: "web",
  image: "registry/app@sha256:1",
  command: ["dagster-webserver"],
  entryPoint: ["tini", "--"],
  environment: [{ name: "HTTPS_PROXY", value: "http://proxy:3128" }],
  secrets: [{ name: "DAGSTER_PG_PASSWORD", valueFrom: "arn:database" }],
  portMappings: [{ containerPort: 3000 }],
  dependsOn: [{ containerName: "nginx", condition: "START" }],
  mountPoints: [{ sourceVolume: "data", containerPath: "/data" }],
  logConfiguration,
};
/** As a service on instances of EC2 has it. */
const content = {
  family: "shop-web",
  networkMode: "awsvpc",
  requiresCompatibilities: ["EC2"],
  executionRoleArn: "arn:aws:iam::123456789012:role/execution",
  taskRoleArn: "arn:aws:iam::123456789012:role/web",
  runtimePlatform: { cpuArchitecture: "ARM64", operatingSystemFamily: "LINUX" },
  volumes: [{ name: "data" }],
  containerDefinitions: [{ name: "nginx", image: "nginx" }, web],
};

const made = askerDefinition("shop-once-asker", { content, container: web }, null);

test("the task that asks runs on Fargate, whatever the webserver runs on, for the same architecture", () => {
  expect(made).toMatchObject({
    family: "shop-once-asker",
    networkMode: "awsvpc",
    requiresCompatibilities: ["FARGATE"],
    runtimePlatform: content.runtimePlatform,
    executionRoleArn: content.executionRoleArn,
  });
});

test("it is one container: no sidecar, and of the webserver's the image, the proxies and the log", () => {
  expect(made["containerDefinitions"]).toEqual([
    {
      name: "web",
      image: web.image,
      environment: web.environment,
      logConfiguration,
      essential: true,
      entryPoint: ["python3", "-c", expect.any(String) as string],
    },
  ]);
  expect(made).not.toHaveProperty("taskRoleArn");
  expect(made).not.toHaveProperty("volumes");
});

test("user and password are secrets of it, and stand nowhere else", () => {
  const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/gates";
  const [container] = askerDefinition("shop-once-asker", { content, container: web }, { kind: "basic", secret: arn })[
    "containerDefinitions"
  ] as readonly Json[];
  expect(container).toHaveProperty("secrets", [
    { name: "DAGSTER_ECS_USERNAME", valueFrom: `${arn}:username::` },
    { name: "DAGSTER_ECS_PASSWORD", valueFrom: `${arn}:password::` },
  ]);
});

test("headers are named in its environment, beside what the webserver has there, and their values are secrets of it", () => {
  const [id, token] = ["id", "token"].map(
    (key) => `arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/access:${key}::`,
  );
  const headers = { "CF-Access-Client-Id": id ?? "", "CF-Access-Client-Secret": token ?? "" };
  const [container] = askerDefinition("shop-once-asker", { content, container: web }, { kind: "headers", headers })[
    "containerDefinitions"
  ] as readonly Json[];
  expect(container).toHaveProperty("secrets", [
    { name: "DAGSTER_ECS_HEADER_0", valueFrom: id },
    { name: "DAGSTER_ECS_HEADER_1", valueFrom: token },
  ]);
  expect(container).toHaveProperty("environment", [
    ...web.environment,
    { name: "DAGSTER_ECS_HEADERS", value: '["CF-Access-Client-Id","CF-Access-Client-Secret"]' },
  ]);
});
