import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  type ContainerDefinition,
  DescribeTasksCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  type Task,
} from "@aws-sdk/client-ecs";
import { join } from "node:path";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { buildLayer } from "../../local-aws/infrastructure/layer.ts";
import { type Infrastructure, playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { pushImage } from "../../local-aws/infrastructure/push.ts";
import { until } from "./stack.ts";

const secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:small/api:key::";

let bed: Bed;
let infrastructure: Infrastructure;
let ecs: ECSClient;
let logs: CloudWatchLogsClient;
let image: string;

beforeAll(async () => {
  bed = await startBed({ speed: 100 });
  infrastructure = await playInfrastructure(bed, {
    stack: "small",
    repositories: ["small/code"],
    services: {},
    secrets: { "small/api": JSON.stringify({ key: "from Secrets Manager" }) },
  });
  const settings = {
    endpoint: bed.url,
    region: bed.region,
    credentials: { accessKeyId: "deployer", secretAccessKey: "secret" },
  };
  ecs = new ECSClient(settings);
  logs = new CloudWatchLogsClient(settings);
  image = await push("first", { "app/constant.py": "value = 'in the image'\n" });
}, 120_000);

afterAll(() => bed.close(), 30_000);

describe("a task", () => {
  test("runs the code of its digest, whatever its tag or its environment say", async () => {
    const other = await push("second", { "app/constant.py": "value = 'in another image'\n" });
    const script = "import constant; print(constant.value)";
    const environment = [{ name: "value", value: "in the environment" }];
    const tasks = [image, other].map((image) => run({ image, environment, command: ["python3", "-c", script] }));
    const [first, second] = await Promise.all(tasks);
    expect(await linesOf(first)).toEqual(["in the image"]);
    expect(await linesOf(second)).toEqual(["in another image"]);
    expect(first?.containers?.[0]?.imageDigest).toBe(image.split("@")[1]);
    expect(exitOf(first)).toMatchObject({ exitCode: 0, stopCode: "EssentialContainerExited" });
  });

  test("has of the machine's Python the standard library only", async () => {
    const script = "import sys; print([p for p in sys.path if 'packages' in p]); import pip";
    const task = await run({ command: ["python3", "-c", script] });
    const [path, ...trace] = await linesOf(task);
    expect(path).toBe("[]");
    expect(trace.at(-1)).toBe("ModuleNotFoundError: No module named 'pip'");
  });

  test("has its image's folders to itself", async () => {
    const command = ["sh", "-c", "ls; echo mine > constant.py; cat /app/constant.py 2>/dev/null || cat constant.py"];
    for (const task of [await run({ command }), await run({ command })]) {
      expect(await linesOf(task)).toEqual(["constant.py", "mine"]);
    }
  });

  test("shows its lines while it runs, and all of them once it is STOPPED", async () => {
    const script = "import time; print('begun', flush=True); time.sleep(2); [print(n) for n in range(3000)]; exit(3)";
    const task = await begin({ command: ["python3", "-c", script] });
    await until(
      () => linesOf(task),
      (lines) => lines.includes("begun"),
    );
    expect((await describeTask(task)).lastStatus).toBe("RUNNING");
    const stopped = await stoppedTask(task);
    expect(exitOf(stopped)).toMatchObject({ exitCode: 3 });
    expect(await linesOf(stopped)).toHaveLength(3001);
  }, 30_000);

  test("gets its secrets with the execution role", async () => {
    const secrets = [{ name: "KEY", valueFrom: secret }];
    const task = await run({ secrets, command: ["sh", "-c", 'echo "$KEY"'] });
    expect(await linesOf(task)).toEqual(["from Secrets Manager"]);
    expect(bed.calls.findLast(({ operation }) => operation === "GetSecretValue")?.caller).toBe("small-execution");
  });
});

describe("a task cannot start, and has no exit code,", () => {
  test.each<[string, ContainerDefinition, RegExp]>([
    [
      "without its program",
      { command: ["nope"] },
      /^CannotStartContainerError: .*exec: "nope": executable file not found/,
    ],
    [
      "without its image",
      { image: "MISSING" },
      /^CannotPullContainerError: pull image manifest has been retried .*not found$/,
    ],
    [
      "without its secret",
      { secrets: [{ name: "X", valueFrom: secret.replace("api", "none") }] },
      /^ResourceInitializationError: unable to pull secrets .*ResourceNotFoundException/,
    ],
    [
      "without its log group",
      {
        logConfiguration: {
          logDriver: "awslogs",
          options: { "awslogs-group": "/none", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "x" },
        },
      },
      /^ResourceInitializationError: failed to validate logger args: .*The specified log group does not exist/,
    ],
    [
      "as a code server that tells its runs where its own files are",
      { command: ["dagster", "api", "grpc", "-f", "x.py"] },
      /started with -f/,
    ],
  ])("%s", async (_what, definition, reason) => {
    const missing = image.replace(/@.*/, ":missing");
    const task = await run({ ...definition, ...(definition.image === "MISSING" ? { image: missing } : {}) });
    expect(exitOf(task)).toEqual({
      exitCode: undefined,
      stopCode: "TaskFailedToStart",
      reason: expect.stringMatching(reason) as unknown,
    });
  });

  test("when its execution role is denied a secret", async () => {
    const what = { kind: "access-denied" } as const;
    const takeAway = bed.aws.faults.inject({ on: "secretsmanager:GetSecretValue", caller: "small-execution", what });
    const task = await run({ secrets: [{ name: "X", valueFrom: secret }] });
    takeAway();
    expect(task.stoppedReason).toContain(
      "assumed-role/small-execution/local-aws is not authorized to perform: secretsmanager:GetSecretValue",
    );
  });
});

describe("a task that is stopped", () => {
  test.each<[string, ContainerDefinition, number]>([
    [
      "ends by its own exit code",
      { command: ["sh", "-c", "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done"] },
      3,
    ],
    ["ends by SIGTERM", { command: ["sh", "-c", "echo up; exec sleep 600"] }, 143],
    [
      "is killed after its stop timeout",
      { stopTimeout: 2, command: ["sh", "-c", "trap '' TERM; echo up; sleep 600"] },
      137,
    ],
  ])(
    "%s",
    async (_what, definition, exitCode) => {
      const task = await begin(definition);
      await until(
        () => linesOf(task),
        (lines) => lines.includes("up"),
      );
      await ecs.send(new StopTaskCommand({ cluster: "small", task: task.taskArn, reason: "enough" }));
      expect(exitOf(await stoppedTask(task))).toEqual({ exitCode, stopCode: "UserInitiated", reason: "enough" });
    },
    30_000,
  );
});

describe("several containers of one task", () => {
  test("share its address", async () => {
    const task = await runContainers([
      {
        name: "client",
        command: ["python3", "-c", client],
        dependsOn: [{ containerName: "server", condition: "HEALTHY" }],
      },
      {
        name: "server",
        command: ["python3", "-m", "http.server", "3000", "--bind", "0.0.0.0"],
        healthCheck: { command: ["CMD", "python3", "-c", client] },
      },
    ]);
    expect(task.containers?.map(({ name, exitCode }) => ({ name, exitCode }))).toEqual([
      { name: "client", exitCode: 0 },
      { name: "server", exitCode: 143 },
    ]);
  });

  test("wait for the one that prepares, and go on after it", async () => {
    const task = await runContainers([
      { name: "prepare", essential: false, command: ["sh", "-c", "sleep 0.3"] },
      { name: "main", command: ["true"], dependsOn: [{ containerName: "prepare", condition: "SUCCESS" }] },
    ]);
    expect(task.containers?.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(task.stopCode).toBe("EssentialContainerExited");
  });

  test("do not start when the one that prepares fails", async () => {
    const task = await runContainers([
      { name: "prepare", essential: false, command: ["sh", "-c", "exit 4"] },
      { name: "main", command: ["true"], dependsOn: [{ containerName: "prepare", condition: "SUCCESS" }] },
    ]);
    expect(task.containers?.map(({ exitCode }) => exitCode)).toEqual([4, undefined]);
    expect(task.stoppedReason).toContain("failed to resolve container dependency [prepare] for target [main]");
  });
});

const client = "from urllib.request import urlopen; urlopen('http://localhost:3000/')";

async function push(tag: string, files: Readonly<Record<string, string>>): Promise<string> {
  const entries = Object.entries(files).map(([path, text]) => {
    return { kind: "file", path, executable: false, content: Buffer.from(text) } as const;
  });
  const layer = await buildLayer(join(bed.folder, `${tag}.tar.gz`), () => entries);
  const env = [...(infrastructure.base.settings.Env ?? []), "PYTHONPATH=/app"];
  const settings = { ...infrastructure.base.settings, Env: env, WorkingDir: "/app" };
  const repository = "small/code";
  const digest = await pushImage({ registry: bed.url, repository, tag, settings, layers: [layer] });
  return `${infrastructure.registry}/${repository}@${digest}`;
}

function run(container: ContainerDefinition): Promise<Task> {
  return runContainers([{ name: "main", command: ["true"], ...container }]);
}

async function runContainers(containers: readonly ContainerDefinition[]): Promise<Task> {
  return stoppedTask(await beginContainers(containers));
}

function begin(container: ContainerDefinition): Promise<Task> {
  return beginContainers([{ name: "main", ...container }]);
}

async function beginContainers(containers: readonly ContainerDefinition[]): Promise<Task> {
  const options = { "awslogs-group": "/dagster/small", "awslogs-region": bed.region, "awslogs-stream-prefix": "test" };
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: "small",
      networkMode: "awsvpc",
      requiresCompatibilities: ["FARGATE"],
      cpu: "256",
      memory: "512",
      executionRoleArn: infrastructure.roleArn("small-execution"),
      containerDefinitions: containers.map((container) => ({
        image,
        logConfiguration: { logDriver: "awslogs", options },
        ...container,
      })),
    }),
  );
  const { tasks } = await ecs.send(
    new RunTaskCommand({
      cluster: "small",
      taskDefinition: taskDefinition?.taskDefinitionArn,
      launchType: "FARGATE",
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-0a11cea"], securityGroups: ["sg-0a11ce"] } },
    }),
  );
  const [task] = tasks ?? [];
  if (task === undefined) throw new Error("no task was started");
  return task;
}

function stoppedTask(task: Task): Promise<Task> {
  return until(
    () => describeTask(task),
    ({ lastStatus }) => lastStatus === "STOPPED",
  );
}

async function describeTask({ taskArn }: Task): Promise<Task> {
  const { tasks } = await ecs.send(new DescribeTasksCommand({ cluster: "small", tasks: [taskArn ?? ""] }));
  return tasks?.[0] ?? {};
}

async function linesOf(task: Task | undefined): Promise<readonly string[]> {
  const id = task?.taskArn?.split("/").at(-1) ?? "";
  const { events } = await logs.send(
    new FilterLogEventsCommand({ logGroupName: "/dagster/small", logStreamNames: [`test/main/${id}`], limit: 10_000 }),
  );
  return (events ?? []).map(({ message }) => message ?? "");
}

function exitOf(task: Task | undefined) {
  return { exitCode: task?.containers?.[0]?.exitCode, stopCode: task?.stopCode, reason: task?.stoppedReason };
}
