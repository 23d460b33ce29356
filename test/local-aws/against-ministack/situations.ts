import type { ContainerDefinition, Service, Task } from "@aws-sdk/client-ecs";
import { type Bed, commands, type Image } from "./bed.ts";

/** What was seen, by what it is. */
export type Facts = Readonly<Record<string, string>>;

/** Each on a service or task of its own. */
export const situations: Readonly<Record<string, (bed: Bed) => Promise<Facts>>> = {
  "a service is created": async (bed) => {
    const service = await create(bed, "created", "app:lives");
    const begun = primaryOf(service)?.rolloutState ?? "";
    const there = await bed.until(() => read(bed, "created"), isComplete, 120);
    const [task] = await tasksOf(bed, "created", "RUNNING");
    return {
      "state of its deployment in the answer": begun,
      "tasks in the end": counts(there),
      "revision that PRIMARY runs": revisionOf(there),
      "who started its task": task?.startedBy?.replace(/\d{19}/, "<id>") ?? "nobody",
      "group of its task": task?.group ?? "",
      "the image's digest is told": String(task?.containers?.[0]?.imageDigest !== undefined),
      "its service deployment is named": String(there.currentServiceDeployment !== undefined),
      "it says that it is steady": String(hasEvent(there, /has reached a steady state/)),
    };
  },

  "a good revision is rolled out": async (bed) => {
    await create(bed, "good", "app:lives");
    await bed.until(() => read(bed, "good"), isComplete, 120);
    const old = (await tasksOf(bed, "good", "RUNNING"))[0]?.taskArn ?? "";
    await bed.ecs.updateService({
      cluster: "main",
      service: "good",
      taskDefinition: await register(bed, "good", "app:lives-too"),
    });
    const during = await read(bed, "good");
    const most: number[] = [];
    const there = await bed.until(
      async () => {
        const seen = await read(bed, "good");
        most.push(seen.runningCount ?? 0);
        return seen;
      },
      (seen) => isComplete(seen) && (seen.deployments ?? []).length === 1,
      300,
    );
    const gone = await bed.until(
      () => taskOf(bed, old),
      ({ lastStatus }) => lastStatus === "STOPPED",
      120,
    );
    return {
      "deployments while it goes on": statuses(during),
      "most tasks that ran at once": String(Math.max(...most)),
      "tasks in the end": counts(there),
      "revision that PRIMARY runs": revisionOf(there),
      "why the old task was stopped": `${gone.stopCode ?? ""}: ${(gone.stoppedReason ?? "").replace(/\d{19}/, "<id>")}`,
      "service deployments that are listed": await listed(bed, "good"),
    };
  },

  "a revision crashes, and the breaker goes back": (bed) => crashes(bed, "back", true),

  "a revision crashes, and the breaker gives up": (bed) => crashes(bed, "up", false),

  "an image is missing": async (bed) => {
    await create(bed, "missing", "app:lives", true);
    await bed.until(() => read(bed, "missing"), isComplete, 120);
    const taskDefinition = await register(bed, "missing", "app:missing");
    await bed.ecs.updateService({ cluster: "main", service: "missing", taskDefinition });
    await bed.until(() => read(bed, "missing"), isBack, 3600);
    const [task] = (await tasksOf(bed, "missing", "STOPPED")).filter(
      (one) => one.taskDefinitionArn?.endsWith(":2") === true,
    );
    return {
      "its task's stop code": task?.stopCode ?? "none is left",
      "its task's reason begins with": (task?.stoppedReason ?? "").split(":")[0] ?? "",
      "the container's reason begins with": (task?.containers?.[0]?.reason ?? "").split(":")[0] ?? "",
    };
  },

  "a one-off task fails": async (bed) => {
    const end = await once(bed, "fails", "app:crashes");
    return {
      "exit code": String(end.containers?.[0]?.exitCode),
      "stop code": end.stopCode ?? "",
      reason: end.stoppedReason ?? "",
    };
  },

  "a one-off task is stopped": async (bed) => {
    const task = await start(bed, "stopped", "app:lives", {
      command: ["sh", "-c", "trap 'exit 143' TERM; while :; do sleep 0.1; done"],
    });
    await bed.until(
      () => taskOf(bed, task),
      ({ lastStatus }) => lastStatus === "RUNNING",
      120,
    );
    await bed.ecs.stopTask({ cluster: "main", task, reason: "enough" });
    const end = await bed.until(
      () => taskOf(bed, task),
      ({ lastStatus }) => lastStatus === "STOPPED",
      120,
    );
    return { "stop code": end.stopCode ?? "", reason: end.stoppedReason ?? "" };
  },
};

async function crashes(bed: Bed, name: string, rollback: boolean): Promise<Facts> {
  await create(bed, name, "app:lives", rollback);
  await bed.until(() => read(bed, name), isComplete, 120);
  const old = (await tasksOf(bed, name, "RUNNING"))[0]?.taskArn ?? "";
  await bed.ecs.updateService({
    cluster: "main",
    service: name,
    taskDefinition: await register(bed, name, "app:crashes"),
  });
  const failed = await bed.until(
    () => read(bed, name),
    ({ deployments = [] }) => deployments.some(({ rolloutState }) => rolloutState === "FAILED"),
    3600,
  );
  const tasks = failed.deployments?.find(({ rolloutState }) => rolloutState === "FAILED")?.failedTasks;
  const there = rollback ? await bed.until(() => read(bed, name), isBack, 600) : failed;
  const [task] = (await tasksOf(bed, name, "STOPPED")).filter((one) => one.taskDefinitionArn?.endsWith(":2") === true);
  const later = await bed.until(() => read(bed, name), waited(20), 60);
  const { lastStatus } = await taskOf(bed, old);
  // Going back starts new ones, or not: nobody has written which.
  const oldOne: Facts = rollback ? {} : { "the old task runs on": String(lastStatus === "RUNNING") };
  return {
    "failed tasks when it is FAILED": String(tasks),
    "exit code of its tasks": String(task?.containers?.[0]?.exitCode),
    "stop code of its tasks": task?.stopCode ?? "none is left",
    "revision that PRIMARY is of": revisionOf(there),
    "deployments that are left": statuses(later),
    ...oldOne,
    "tasks in the end": counts(later),
    "service deployments that are listed": await listed(bed, name),
  };
}

/** Met at so many looks. */
function waited(looks: number): () => boolean {
  let left = looks;
  return () => (left -= 1) < 0;
}

async function register(
  bed: Bed,
  family: string,
  image: Image,
  more: Partial<ContainerDefinition> = {},
): Promise<string> {
  const logConfiguration = {
    logDriver: "awslogs",
    options: { "awslogs-group": "/app", "awslogs-stream-prefix": "run", "awslogs-region": "eu-central-1" },
  } as const;
  const { taskDefinition } = await bed.ecs.registerTaskDefinition({
    family,
    networkMode: "awsvpc",
    requiresCompatibilities: ["FARGATE"],
    cpu: "256",
    memory: "512",
    executionRoleArn: "arn:aws:iam::123456789012:role/execution",
    containerDefinitions: [{ name: "app", image, command: [...commands[image]], logConfiguration, ...more }],
  });
  return `${family}:${taskDefinition?.revision ?? 0}`;
}

const networkConfiguration = { awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups: ["sg-1"] } };

async function create(bed: Bed, serviceName: string, image: Image, rollback?: boolean): Promise<Service> {
  const { service } = await bed.ecs.createService({
    cluster: "main",
    serviceName,
    taskDefinition: await register(bed, serviceName, image),
    desiredCount: 1,
    launchType: "FARGATE",
    networkConfiguration,
    ...(rollback === undefined
      ? {}
      : { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback } } }),
  });
  return service ?? {};
}

async function start(bed: Bed, family: string, image: Image, more?: Partial<ContainerDefinition>): Promise<string> {
  const taskDefinition = await register(bed, family, image, more);
  const { tasks = [] } = await bed.ecs.runTask({
    cluster: "main",
    taskDefinition,
    launchType: "FARGATE",
    networkConfiguration,
  });
  return tasks[0]?.taskArn ?? "";
}

async function once(bed: Bed, family: string, image: Image, more?: Partial<ContainerDefinition>): Promise<Task> {
  const arn = await start(bed, family, image, more);
  return bed.until(
    () => taskOf(bed, arn),
    ({ lastStatus }) => lastStatus === "STOPPED",
    120,
  );
}

async function read({ ecs }: Bed, name: string): Promise<Service> {
  const { services = [] } = await ecs.describeServices({ cluster: "main", services: [name] });
  return services[0] ?? {};
}

async function taskOf({ ecs }: Bed, arn: string): Promise<Task> {
  const { tasks = [] } = await ecs.describeTasks({ cluster: "main", tasks: [arn] });
  return tasks[0] ?? {};
}

async function tasksOf(
  { ecs }: Bed,
  serviceName: string,
  desiredStatus: "RUNNING" | "STOPPED",
): Promise<readonly Task[]> {
  const { taskArns = [] } = await ecs.listTasks({ cluster: "main", serviceName, desiredStatus });
  if (taskArns.length === 0) return [];
  const { tasks = [] } = await ecs.describeTasks({ cluster: "main", tasks: taskArns });
  return tasks;
}

async function listed({ ecs }: Bed, service: string): Promise<string> {
  const { serviceDeployments = [] } = await ecs.listServiceDeployments({ cluster: "main", service });
  return serviceDeployments.map(({ status }) => status ?? "").join(", ") || "none";
}

function primaryOf({ deployments = [] }: Service): NonNullable<Service["deployments"]>[number] | undefined {
  return deployments.find(({ status }) => status === "PRIMARY");
}

function revisionOf(service: Service): string {
  return primaryOf(service)?.taskDefinition?.split("/").at(-1) ?? "none";
}

function isComplete(service: Service): boolean {
  return primaryOf(service)?.rolloutState === "COMPLETED" && service.runningCount === service.desiredCount;
}

/** PRIMARY is of the first revision again, and complete. */
function isBack(service: Service): boolean {
  return (
    isComplete(service) &&
    revisionOf(service).endsWith(":1") &&
    (service.deployments ?? []).every(({ rolloutState }) => rolloutState !== "IN_PROGRESS")
  );
}

function statuses({ deployments = [] }: Service): string {
  return deployments.map(({ status, rolloutState }) => `${status ?? ""} ${rolloutState ?? ""}`).join(", ");
}

function counts({ desiredCount, runningCount, pendingCount }: Service): string {
  return `${runningCount} of ${desiredCount}, ${pendingCount} pending`;
}

function hasEvent({ events = [] }: Service, text: RegExp): boolean {
  return events.some(({ message = "" }) => text.test(message));
}
