import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import type { RuntimeTask } from "../../local-aws/runtime.ts";
import { containerProcess, type Surroundings } from "../../local-aws/runtimes/process/container-process.ts";
import type { ImageConfig } from "../../local-aws/runtimes/tasks/registry.ts";

const taskId = "0123456789abcdef0123456789abcdef";
const surroundings: Surroundings = {
  region: "eu-central-1",
  gateway: "http://127.77.255.1:7700",
  python: "/bed/python/bin",
  root: "/task/root",
  home: "/task/home",
  address: "127.77.0.5",
  locate: (path) => (/^\/(app|opt)(\/|$)/.test(path) ? `/task/root${path}` : null),
};

const image: ImageConfig = {
  architecture: "amd64",
  os: "linux",
  rootfs: { diff_ids: [] },
  config: {
    Env: ["PATH=/opt/bin:/usr/local/bin:/usr/bin", "FROM=image", "EQUATION=a=b"],
    Entrypoint: ["/app/entry"],
    Cmd: ["serve"],
    WorkingDir: "/app",
  },
};

function processOf(definition: ContainerDefinition, task: Partial<RuntimeTask> = {}, secrets = {}) {
  const whole: RuntimeTask = {
    id: taskId,
    arn: "arn",
    clusterArn: "cluster",
    definition: { containerDefinitions: [{ name: "main", ...definition }] },
    overrides: {},
    startedBy: undefined,
    group: "family:f",
    ...task,
  };
  return containerProcess(whole, { name: "main", ...definition }, image, secrets, surroundings);
}

describe("the command of a container", () => {
  test.each<[string, ContainerDefinition, readonly string[]]>([
    ["is the image's", {}, ["/task/root/app/entry", "serve"]],
    ["has the definition's words in the place of the image's", { command: ["x"] }, ["/task/root/app/entry", "x"]],
    ["loses the image's words with the image's entry point", { entryPoint: ["sh"] }, ["sh"]],
    [
      "is entry point and command",
      { entryPoint: ["sh", "-c"], command: ["ls /app"] },
      ["sh", "-c", "ls /task/root/app"],
    ],
  ])("%s", (_what, definition, expected) => {
    expect(processOf(definition).command).toEqual(expected);
  });

  test("is the override's, behind the entry point", () => {
    const overrides = { containerOverrides: [{ name: "main", command: ["migrate"] }] };
    expect(processOf({ command: ["x"] }, { overrides }).command).toEqual(["/task/root/app/entry", "migrate"]);
  });
});

describe("the folder of a container", () => {
  test.each<[ContainerDefinition, string]>([
    [{}, "/task/root/app"],
    [{ workingDirectory: "/opt/x" }, "/task/root/opt/x"],
    [{ workingDirectory: "/elsewhere" }, "/task/root/elsewhere"],
  ])("%j is %s", (definition, expected) => {
    expect(processOf(definition).folder).toBe(expected);
  });
});

describe("the environment of a container", () => {
  test("is the image's, then the definition's, then the override's, then the secrets", () => {
    const overrides = { containerOverrides: [{ name: "main", environment: [{ name: "C", value: "override" }] }] };
    const environment = [
      { name: "FROM", value: "definition" },
      { name: "C", value: "definition" },
      { name: "D", value: "definition" },
    ];
    expect(processOf({ environment }, { overrides }, { D: "/app is a secret" }).environment).toMatchObject({
      FROM: "definition",
      C: "override",
      D: "/app is a secret",
      EQUATION: "a=b",
    });
  });

  test("takes nothing from the machine but a search path that ends with its shell", () => {
    process.env["OF_THE_MACHINE"] = "x";
    const { environment } = processOf({});
    delete process.env["OF_THE_MACHINE"];
    expect(environment).not.toHaveProperty("OF_THE_MACHINE");
    expect(environment["PATH"]).toBe("/task/root/opt/bin:/bed/python/bin:/usr/bin:/bin");
  });

  test("has the task role as its access key, and none without a task role", () => {
    const definition = { taskRoleArn: "arn:aws:iam::123456789012:role/path/deal-flow-run" };
    expect(processOf({}, { definition }).environment["AWS_ACCESS_KEY_ID"]).toBe("deal-flow-run");
    expect(processOf({}).environment).not.toHaveProperty("AWS_ACCESS_KEY_ID");
  });

  test("may replace what Fargate sets, but not what keeps it in the bed", () => {
    const environment = [
      { name: "AWS_DEFAULT_REGION", value: "us-east-1" },
      { name: "DAGSTER_EMPTY_WORKING_DIRECTORY", value: "0" },
      { name: "AWS_ENDPOINT_URL", value: "https://elsewhere" },
      { name: "http_proxy", value: "http://elsewhere" },
    ];
    expect(processOf({ environment }).environment).toMatchObject({
      AWS_REGION: "eu-central-1",
      AWS_DEFAULT_REGION: "us-east-1",
      DAGSTER_EMPTY_WORKING_DIRECTORY: "0",
      AWS_ENDPOINT_URL: "http://127.77.255.1:7700",
      http_proxy: `http://${taskId}:x@127.77.255.1:7700`,
      ECS_CONTAINER_METADATA_URI_V4: `http://127.77.255.1:7700/v4/${taskId}/main`,
    });
  });
});
