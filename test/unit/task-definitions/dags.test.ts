import { resolve } from "../../../src/domain/later.ts";
import type { GeneratedRequest } from "../../../src/task-definitions/render.ts";
import { render, type Role } from "../../../src/task-definitions/render.ts";

const locations = { shop: { prefix: "dags/shop/", module: "shop" } };
const dags = { bucket: "deploys", from: { kind: "named" as const, named: { locations, pollSeconds: 30 } } };

interface Container {
  readonly name: string;
  readonly essential: boolean;
  readonly entryPoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  readonly mountPoints?: readonly object[];
  readonly dependsOn?: readonly object[];
}

/** The containers of a definition that reads its code from S3. */
function containersOf(role: Role, change: Partial<GeneratedRequest> = {}): readonly Container[] {
  const request: GeneratedRequest = {
    kind: "generated",
    family: "shop",
    container: "main",
    role,
    dags,
    image: "registry/shop@sha256:1",
    command: null,
    environment: { LOG_LEVEL: "debug" },
    secrets: { PASSWORD: "arn:secret" },
    size: { cpu: 256, memory: 512 },
    volumes: [],
    platform: "linux/arm64",
    executionRoleArn: null,
    taskRoleArn: null,
    log: { group: "/shop", region: "eu-central-1", prefix: "main" },
    region: "eu-central-1",
    labels: {},
    tags: {},
    ...change,
  };
  return (resolve(render(request), {}) as unknown as { readonly containerDefinitions: readonly Container[] })
    .containerDefinitions;
}

const variable = ({ environment }: Container, name: string): string | undefined =>
  environment.find((one) => one.name === name)?.value;
const mount = { sourceVolume: "dags", containerPath: "/opt/dagster/dags", readOnly: false };

test("a code server is the reader, told of bucket and location", () => {
  const [server, ...others] = containersOf({
    kind: "code-location",
    port: 4000,
    module: "shop",
    pythonPath: null,
    workdir: null,
    context: null,
  });
  expect(others).toEqual([]);
  expect(server?.command).toEqual(["python", "-m", "dag_reader", "serve", "4000"]);
  expect(server === undefined ? null : JSON.parse(variable(server, "DAGS") ?? "")).toEqual(locations);
  expect(server === undefined ? null : variable(server, "DAGSTER_S3_BUCKET")).toBe("deploys");
  expect(server === undefined ? null : variable(server, "DAGS_POLL_SECONDS")).toBe("30");
});

test("a run fetches the version that its command names, before it is that command", () => {
  const [run] = containersOf({ kind: "run" });
  expect(run?.entryPoint).toEqual(["python", "-m", "dag_reader", "run", "--"]);
  expect(run).not.toHaveProperty("command");
});

test.each<[string, Role, readonly string[]]>([
  [
    "webserver",
    { kind: "webserver", port: 3000, workspace: null, code: { context: null } },
    ["dagster-webserver", "-h", "0.0.0.0", "-p", "3000", "-w", "/opt/dagster/dags/workspace.yaml"],
  ],
  [
    "daemon",
    { kind: "daemon", workspace: "/opt/dagster/own.yaml", code: { context: null } },
    ["dagster-daemon", "run", "-w", "/opt/dagster/own.yaml", "-w", "/opt/dagster/dags/workspace.yaml"],
  ],
])("a %s that loads the code starts once all is there, and shares its disk with who follows", (kind, role, command) => {
  const [main, init, follow] = containersOf(role);
  expect(main).toMatchObject({ essential: true, command, mountPoints: [mount] });
  expect(main?.dependsOn).toEqual([{ containerName: "dags-init", condition: "SUCCESS" }]);
  expect(init).toMatchObject({ name: "dags-init", essential: false, mountPoints: [mount] });
  expect(follow).toMatchObject({
    name: "dags-follow",
    essential: false,
    mountPoints: [mount],
    dependsOn: main?.dependsOn,
  });
  for (const reader of [init, follow]) {
    if (reader === undefined) throw new Error("a reader is missing");
    expect(variable(reader, "DAGS_WORKSPACE")).toBe("/opt/dagster/dags/workspace.yaml");
    expect(variable(reader, "LOG_LEVEL")).toBe("debug");
    expect(reader).not.toHaveProperty("secrets");
  }
  expect(follow === undefined ? null : variable(follow, "DAGS_WEBSERVER")).toBe(
    kind === "webserver" ? "http://localhost:3000" : undefined,
  );
});

test("a webserver that loads no code from S3 is as it was", () => {
  const role: Role = { kind: "webserver", port: 3000, workspace: null, code: null };
  expect(containersOf(role, { dags: null })).toHaveLength(1);
});
