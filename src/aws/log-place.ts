import type { LogConfiguration, TaskDefinition } from "@aws-sdk/client-ecs";

/** A stream of CloudWatch Logs. */
export interface LogPlace {
  readonly logGroupName: string;
  readonly logStreamName: string;
  /** null: the task's own. */
  readonly region: string | null;
}

/**
 * Where a container of a task writes, as its definition says: only the `awslogs` driver tells, `prefix/container/task id`.
 * Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html
 * @returns why it cannot be told, as a clause
 */
export function logPlaceOf(
  definition: Pick<TaskDefinition, "containerDefinitions"> | undefined,
  container: string,
  taskId: string,
): LogPlace | string {
  const configuration: LogConfiguration | undefined = definition?.containerDefinitions?.find(
    ({ name }) => name === container,
  )?.logConfiguration;
  if (configuration === undefined) return `the definition of container ${container} says nothing about its log`;
  if (configuration.logDriver !== "awslogs")
    return `container ${container} has the log driver ${configuration.logDriver ?? "?"}, not awslogs`;
  const options = configuration.options ?? {};
  const { "awslogs-group": logGroupName, "awslogs-stream-prefix": prefix, "awslogs-region": region } = options;
  if (logGroupName === undefined || prefix === undefined)
    return `the log options of container ${container} name no group, or no stream prefix`;
  return { logGroupName, logStreamName: `${prefix}/${container}/${taskId}`, region: region ?? null };
}
