import { resolve } from "../../../src/domain/later.ts";
import { type GeneratedRequest, render } from "../../../src/task-definitions/render.ts";
import { expectGolden } from "../../golden.ts";

const dags = { bucket: "deploys", from: { kind: "list" as const, key: "dags/.stacks/shop/production.json" } };

/** A webserver that loads code from S3, and a password before it. */
const webserver: GeneratedRequest = {
  kind: "generated",
  family: "shop-webserver",
  container: "webserver",
  role: { kind: "webserver", port: 3000, workspace: null, code: { context: null } },
  dags,
  login: {
    image: "registry/shop/nginx@sha256:2",
    htpasswd: "arn:aws:secretsmanager:eu-central-1:1:secret:shop/login:htpasswd::",
    port: 8080,
  },
  image: "registry/shop@sha256:1",
  command: null,
  environment: {},
  secrets: {},
  size: { cpu: 256, memory: 512 },
  volumes: [],
  platform: "linux/arm64",
  executionRoleArn: "arn:aws:iam::1:role/execution",
  taskRoleArn: "arn:aws:iam::1:role/task",
  log: { group: "/shop", region: "eu-central-1", prefix: "webserver" },
  region: "eu-central-1",
  labels: {},
  tags: {},
};

interface Shown {
  readonly name: string;
  readonly command?: readonly string[];
  readonly portMappings?: readonly { readonly containerPort: number }[];
}
const definitionOf = (request: GeneratedRequest) =>
  resolve(render(request), {}) as unknown as { readonly containerDefinitions: readonly Shown[] };

test("nginx has the port that others are told, on a root that nobody writes, and the password as a secret", () => {
  expectGolden("task-definitions/webserver-behind-nginx.json", JSON.stringify(definitionOf(webserver), null, 2));
});

test("nobody reaches Dagster but by nginx: it listens for its own task only", () => {
  const [dagster, nginx] = definitionOf(webserver).containerDefinitions;
  expect(dagster?.command).toEqual(expect.arrayContaining(["-h", "127.0.0.1"]));
  expect(dagster?.portMappings).toEqual([]);
  expect(nginx?.portMappings).toEqual([{ containerPort: 8080, hostPort: 8080, protocol: "tcp" }]);
});

test("without a login there is no nginx, and Dagster listens for all", () => {
  const [dagster, ...others] = definitionOf({ ...webserver, login: null }).containerDefinitions;
  expect(dagster?.command).toEqual(expect.arrayContaining(["-h", "0.0.0.0"]));
  expect(others.map(({ name }) => name)).not.toContain("nginx");
});
