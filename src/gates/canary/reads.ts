import { GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DescribeTaskDefinitionCommand, DescribeTasksCommand, ListTasksCommand, type Task } from "@aws-sdk/client-ecs";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { nameOf } from "../../aws/arn.ts";
import type { EcsSend } from "../../aws/ecs.ts";
import { type AwsError, isAwsError } from "../../aws/error.ts";
import type { LogsSend } from "../../aws/logs.ts";
import type { S3Send } from "../../aws/s3.ts";
import type { Dagster } from "../../dagster/client.ts";
import { capturedFiles, capturedLogs } from "../../dagster/documents.ts";
import { type LogPlace, logPlaceOf } from "../../aws/log-place.ts";
import type { CanaryExpectation } from "./expectation.ts";

/** What of AWS a canary is proved by. */
export interface ProofClients {
  readonly ecs: EcsSend;
  readonly logs: LogsSend;
  readonly s3: S3Send;
}

/** Which task a run was is proved by ECS. null: it does not know the task, not yet or not any more. @throws AwsError */
export async function describeTask(ecs: EcsSend, cluster: string, task: string): Promise<Task | null> {
  const { tasks = [] } = await ecs(new DescribeTasksCommand({ cluster, tasks: [task] }), { resource: `task ${task}` });
  return tasks[0] ?? null;
}

export function imagesOf(task: Task | null): readonly string[] {
  return task?.containers?.flatMap(({ image }) => image ?? []) ?? [];
}

/** The tasks of services in which runs may live, as they run now. @throws AwsError */
export async function holderTasks(
  ecs: EcsSend,
  { cluster, holders }: Pick<CanaryExpectation, "cluster" | "holders">,
): Promise<readonly Task[]> {
  const all: Task[] = [];
  for (const serviceName of holders) {
    const resource = `service ${serviceName} in cluster ${cluster}`;
    const { taskArns = [] } = await ecs(new ListTasksCommand({ cluster, serviceName }), { resource });
    if (taskArns.length === 0) continue;
    const { tasks = [] } = await ecs(new DescribeTasksCommand({ cluster, tasks: taskArns }), { resource });
    all.push(...tasks);
  }
  return all;
}

/** The container that ran an image, or else the first one. */
export function containerOf(task: Task, image: string): string {
  const containers = task.containers ?? [];
  return (containers.find((one) => one.image === image) ?? containers[0])?.name ?? "run";
}

/** Where a task wrote, or why that is not known. @throws AwsError */
export async function logOf(ecs: EcsSend, task: Task, image: string): Promise<LogPlace | string> {
  const { taskDefinitionArn: arn = "", taskArn = "" } = task;
  const { taskDefinition } = await ecs(new DescribeTaskDefinitionCommand({ taskDefinition: arn }), {
    resource: `task definition ${arn}`,
  });
  return logPlaceOf(taskDefinition, containerOf(task, image), nameOf(taskArn));
}

/** How many lines a stream has, 100 at most; null: there is no such stream; why it may not be read. @throws AwsError */
export async function linesIn(
  logs: LogsSend,
  { logGroupName, logStreamName, region }: LogPlace,
): Promise<number | AwsError | null> {
  try {
    const command = new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true, limit: 100 });
    const { events = [] } = await logs(command, { resource: `log stream ${logStreamName} of ${logGroupName}`, region });
    return events.length;
  } catch (error) {
    if (isAwsError(error, "not-found")) return null; // it is made with the first line
    if (isAwsError(error, "denied")) return error;
    throw error;
  }
}

/**
 * Where Dagster keeps what a run has written: asked of the webserver, which has the instance's compute log manager. Files of one
 * process are enough: all have one manager. Source: dagster/_core/storage/compute_log_manager.py, `build_log_key_for_run`
 */
export async function computeLogLocation(dagster: Dagster, runId: string): Promise<string | null> {
  const { logsForRun: log } = await dagster.ask(capturedFiles, { runId });
  const fileKey = "events" in log ? log.events.find((event) => event.fileKey !== undefined)?.fileKey : undefined;
  if (fileKey === undefined) return null;
  const logKey = [runId, "compute_logs", fileKey];
  const { capturedLogsMetadata: where } = await dagster.ask(capturedLogs, { logKey });
  return where.stderrLocation ?? where.stdoutLocation;
}

/** Is there an object whose key begins so? @throws AwsError */
export async function hasObjects(s3: S3Send, bucket: string, prefix: string): Promise<boolean> {
  const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: 1 });
  const { Contents = [] } = await s3(command, { resource: `s3://${bucket}/${prefix}` });
  return Contents.length > 0;
}
