import type {
  DescribeTasksRequest,
  DescribeTasksResponse,
  ListTasksRequest,
  ListTasksResponse,
  RunTaskRequest,
  RunTaskResponse,
  StopTaskRequest,
  StopTaskResponse,
  Task as TaskView,
} from "@aws-sdk/client-ecs";
import { Refusal, type Bed, type CallContext, type Given, type Operations } from "../bed.ts";
import { findCluster, findService, findUsableDefinition, isOwn } from "../find.ts";
import { nameOf } from "../identifiers.ts";
import { atMost, pageOf } from "../pages.ts";
import { checkLaunchType, checkNetwork } from "../service-request.ts";
import type { Cluster, Task } from "../state.ts";
import { startTask, stopTask } from "../task-life.ts";
import { taskView } from "../task-view.ts";
import { tagsOf, uniqueTags } from "./tags.ts";

export const taskOperations = {
  RunTask: (bed, input: Given<RunTaskRequest, "taskDefinition">, { noCapacity }: CallContext): RunTaskResponse => {
    const cluster = findCluster(bed, input.cluster);
    const definition = findUsableDefinition(bed, input.taskDefinition);
    const { count = 1, startedBy, overrides = {}, clientToken } = input;
    if (count < 1 || count > bed.rules.runTaskMost) {
      throw new Refusal("InvalidParameterException", `Count must be between 1 and ${bed.rules.runTaskMost}.`);
    }
    checkArguments(input);
    checkLaunchType(definition, input.launchType);
    checkNetwork(bed, definition, input.networkConfiguration);
    checkOverrides(bed, input);
    const key = clientToken === undefined ? null : `${cluster.name}/${clientToken}`;
    const earlier = key === null ? undefined : bed.state.runTokens.get(key);
    const request = JSON.stringify(input);
    if (earlier !== undefined) {
      if (earlier.request !== request) {
        throw new Refusal("ConflictException", "The clientToken was used before with other parameters.");
      }
      return { tasks: earlier.taskIds.flatMap((id) => viewOf(bed, id)), failures: [] };
    }
    if (noCapacity !== null) return { tasks: [], failures: [{ reason: noCapacity }] };
    const { family } = definition.content;
    const inherited =
      input.propagateTags === "TASK_DEFINITION" ? tagsOf(bed, definition.content.taskDefinitionArn) : [];
    const tags = uniqueTags(bed, [...inherited, ...(input.tags ?? [])]);
    const tasks = Array.from({ length: count }, () =>
      startTask(
        bed,
        {
          cluster,
          definition,
          overrides,
          startedBy,
          group: input.group ?? `family:${family}`,
          launchType: input.launchType === "EC2" ? "EC2" : "FARGATE",
          network: input.networkConfiguration?.awsvpcConfiguration,
          service: null,
          deployment: null,
        },
        () => undefined,
      ),
    );
    for (const { arn } of tasks) bed.state.tags.set(arn, tags);
    if (key !== null) bed.state.runTokens.set(key, { request, taskIds: tasks.map(({ id }) => id) });
    return { tasks: tasks.flatMap(({ id }) => viewOf(bed, id)), failures: [] };
  },

  StopTask: (bed, input: Given<StopTaskRequest, "task">): StopTaskResponse => {
    const task = taskOf(bed, findCluster(bed, input.cluster), input.task);
    if (task === null) {
      throw new Refusal("InvalidParameterException", "The referenced task was not found.");
    }
    stopTask(task, "UserInitiated", input.reason ?? "Task stopped by user");
    return { task: taskView(task, undefined) };
  },

  DescribeTasks: (bed, input: Given<DescribeTasksRequest, "tasks">, call: CallContext): DescribeTasksResponse => {
    const cluster = findCluster(bed, input.cluster);
    if (input.tasks.length === 0) throw new Refusal("InvalidParameterException", "Tasks cannot be empty.");
    atMost(bed.rules.describeTasksMost, input.tasks, "Tasks");
    const found = input.tasks.map((name) => {
      const task = taskOf(bed, cluster, name);
      return task !== null && isVisible(bed, call, task) ? task : null;
    });
    const tagged = input.include?.includes("TAGS") === true;
    return {
      tasks: found.flatMap((task) =>
        task === null ? [] : [taskView(task, tagged ? tagsOf(bed, task.arn) : undefined)],
      ),
      failures: input.tasks
        .filter((_name, index) => found[index] === null)
        .map((name) => ({ arn: bed.names.arn("task", cluster.name, nameOf(name)), reason: "MISSING" })),
    };
  },

  ListTasks: (bed, input: ListTasksRequest, call: CallContext): ListTasksResponse => {
    const cluster = findCluster(bed, input.cluster);
    const { serviceName, family, startedBy, launchType, desiredStatus = "RUNNING" } = input;
    const service = serviceName === undefined ? undefined : findService(bed, cluster, serviceName);
    const tasks = [...bed.state.tasks.values()]
      .filter((task) => task.cluster === cluster && task.desiredStatus === desiredStatus && isVisible(bed, call, task))
      .filter((task) => service === undefined || task.service === service)
      .filter(({ definition }) => family === undefined || definition.content.family === family)
      .filter((task) => startedBy === undefined || task.startedBy === startedBy)
      .filter((task) => launchType === undefined || task.launchType === launchType);
    const { elements, nextToken } = pageOf(tasks, input, bed.rules.pageMost, bed.rules.pageMost);
    return { taskArns: elements.map(({ arn }) => arn), nextToken };
  },
} satisfies Operations;

function viewOf(bed: Bed, id: string): readonly TaskView[] {
  const task = bed.state.tasks.get(id);
  return task === undefined ? [] : [taskView(task, tagsOf(bed, task.arn))];
}

function taskOf(bed: Bed, cluster: Cluster, nameOrArn: string): Task | null {
  const task = isOwn(bed, nameOrArn) ? bed.state.tasks.get(nameOf(nameOrArn)) : undefined;
  return task?.cluster === cluster ? task : null;
}

/** A stale read does not see what the last write has made. */
function isVisible(bed: Bed, { stale }: CallContext, task: Task): boolean {
  return !stale || bed.before?.arns.has(task.arn) === true;
}

/** Source: API_RunTask in the ECS API reference. */
function checkArguments({ launchType, capacityProviderStrategy = [], startedBy, clientToken }: RunTaskRequest): void {
  const refuse = (message: string): never => {
    throw new Refusal("InvalidParameterException", message);
  };
  if (launchType !== undefined && capacityProviderStrategy.length > 0) {
    refuse("Specifying both a launch type and capacity provider strategy is not supported.");
  }
  if (startedBy !== undefined && !/^[A-Za-z0-9_/-]{1,128}$/.test(startedBy)) {
    refuse("startedBy takes up to 128 letters, numbers, hyphens, forward slashes and underscores.");
  }
  if (clientToken !== undefined && !/^[\x21-\x7e]{1,64}$/.test(clientToken)) {
    refuse("clientToken takes up to 64 ASCII characters in the range of 33 to 126.");
  }
}

function checkOverrides(bed: Bed, { overrides = {}, taskDefinition }: Given<RunTaskRequest, "taskDefinition">): void {
  const { length } = JSON.stringify(overrides);
  if (length > bed.rules.overridesCharacters) {
    throw new Refusal(
      "InvalidParameterException",
      `Container Overrides length must be at most ${bed.rules.overridesCharacters}`,
    );
  }
  const names = findUsableDefinition(bed, taskDefinition).content.containerDefinitions?.map(({ name }) => name) ?? [];
  const unknown = overrides.containerOverrides?.find(({ name }) => !names.includes(name));
  if (unknown !== undefined) {
    throw new Refusal(
      "InvalidParameterException",
      `Override for container named ${unknown.name ?? ""} is not a container in the TaskDefinition.`,
    );
  }
}
