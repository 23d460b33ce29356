import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  type ContainerDefinition,
  DescribeTasksCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  RunTaskCommand,
  StopTaskCommand,
  type Task,
} from "@aws-sdk/client-ecs";
import type { Bed } from "../../local-aws/bed.ts";
import { type Infrastructure, playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { until } from "../process-runtime/stack.ts";

export const secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:small/api:key::";

/** Tasks of one container or several, by themselves, on a bed. */
export interface Tasks {
  readonly bed: Bed;
  readonly infrastructure: Infrastructure;
  /** What containers run unless told, by digest; in `/app` is `constant.py`, which Python finds. */
  image: string;
  /** Starts a task of one container. */
  begin(container: ContainerDefinition, more?: Partial<RegisterTaskDefinitionCommandInput>): Promise<Task>;
  /** The same, and waits until it is STOPPED. */
  run(container: ContainerDefinition, more?: Partial<RegisterTaskDefinitionCommandInput>): Promise<Task>;
  runContainers(containers: readonly ContainerDefinition[]): Promise<Task>;
  stopped(task: Task): Promise<Task>;
  describe(task: Task): Promise<Task>;
  stop(task: Task, reason: string): Promise<void>;
  /** Of its container `main`. */
  linesOf(task: Task | undefined): Promise<readonly string[]>;
}

/** @param bed one of these tests, without infrastructure yet */
export async function openTasks(bed: Bed): Promise<Tasks> {
  const infrastructure = await playInfrastructure(bed, {
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
  const ecs = new ECSClient(settings);
  const logs = new CloudWatchLogsClient(settings);
  const describeTask = async ({ taskArn }: Task): Promise<Task> => {
    const { tasks } = await ecs.send(new DescribeTasksCommand({ cluster: "small", tasks: [taskArn ?? ""] }));
    return tasks?.[0] ?? {};
  };
  const stopped = (task: Task): Promise<Task> =>
    until(
      () => describeTask(task),
      ({ lastStatus }) => lastStatus === "STOPPED",
    );
  const options = { "awslogs-group": "/dagster/small", "awslogs-region": bed.region, "awslogs-stream-prefix": "test" };
  const begin = async (
    containers: readonly ContainerDefinition[],
    more: Partial<RegisterTaskDefinitionCommandInput> = {},
  ): Promise<Task> => {
    const { taskDefinition } = await ecs.send(
      new RegisterTaskDefinitionCommand({
        family: "small",
        networkMode: "awsvpc",
        requiresCompatibilities: ["FARGATE"],
        cpu: "256",
        memory: "512",
        executionRoleArn: infrastructure.roleArn("small-execution"),
        containerDefinitions: containers.map((container) => ({
          image: tasks.image,
          logConfiguration: { logDriver: "awslogs", options },
          ...container,
        })),
        ...more,
      }),
    );
    const { tasks: started } = await ecs.send(
      new RunTaskCommand({
        cluster: "small",
        taskDefinition: taskDefinition?.taskDefinitionArn,
        launchType: "FARGATE",
        networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-0a11cea"], securityGroups: ["sg-0a11ce"] } },
      }),
    );
    const [task] = started ?? [];
    if (task === undefined) throw new Error("no task was started");
    return task;
  };
  const tasks: Tasks = {
    bed,
    infrastructure,
    image: "",
    begin: (container, more) => begin([{ name: "main", ...container }], more),
    run: async (container, more) => stopped(await begin([{ name: "main", command: ["true"], ...container }], more)),
    runContainers: async (containers) => stopped(await begin(containers)),
    stopped,
    describe: describeTask,
    stop: async ({ taskArn }, reason) => {
      await ecs.send(new StopTaskCommand({ cluster: "small", task: taskArn, reason }));
    },
    linesOf: async (task) => {
      const id = task?.taskArn?.split("/").at(-1) ?? "";
      const { events } = await logs.send(
        new FilterLogEventsCommand({
          logGroupName: "/dagster/small",
          logStreamNames: [`test/main/${id}`],
          limit: 10_000,
        }),
      );
      return (events ?? []).map(({ message }) => message ?? "");
    },
  };
  return tasks;
}

export function exitOf(task: Task | undefined) {
  return { exitCode: task?.containers?.[0]?.exitCode, stopCode: task?.stopCode, reason: task?.stoppedReason };
}
