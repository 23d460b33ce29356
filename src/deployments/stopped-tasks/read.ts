import { type Container, DescribeTasksCommand, ListTasksCommand, type Task } from "@aws-sdk/client-ecs";
import { nameOf } from "../../aws/arn.ts";
import type { EcsSend } from "../../aws/ecs.ts";
import { type Untrusted, untrusted } from "../../domain/evidence.ts";
import { sameRevision } from "../../domain/verdict.ts";
import { revisionOf, type ServiceObservation } from "../service.ts";
import type { Aim } from "../track.ts";

/** A task that ended, or is about to, and why. */
export interface StoppedTask {
  readonly id: string;
  /** Its containers are gone, and nothing more becomes known of it: ECS may still put its network away. */
  readonly isOver: boolean;
  /** When its containers were gone, or ECS began to stop it; milliseconds since 1970. */
  readonly at: number;
  /** Milliseconds that it ran; 0 when it never did. */
  readonly lived: number;
  /** Who ended it: `EssentialContainerExited`, `TaskFailedToStart`, `ServiceSchedulerInitiated` … */
  readonly code: string;
  readonly reason: Untrusted;
  readonly containers: readonly StoppedContainer[];
}

export interface StoppedContainer {
  readonly name: string;
  /** Null when it never started. */
  readonly exitCode: number | null;
  readonly reason: Untrusted;
  readonly unhealthy: boolean;
}

/** The task of ours that has been running longest, or is healthy. */
export interface Survivor {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** By a check of its container. */
  readonly isHealthy: boolean;
}

/** Tasks in one DescribeTasks. Source: API_DescribeTasks in the ECS API reference. */
const mostTasks = 100;

/**
 * Reads tasks of this rollout's deployment that end for a reason of their own. ECS forgets stopped tasks after an hour.
 * @param before those that were read already; one that is over is not read again
 * @returns these and what came to them, oldest first
 * @throws AwsError
 */
export async function readStoppedTasks(
  ecs: EcsSend,
  aim: Aim,
  before: readonly StoppedTask[],
): Promise<readonly StoppedTask[]> {
  const over = new Set(before.flatMap(({ id, isOver }) => (isOver ? [id] : [])));
  const found = await readTasks(ecs, aim, "STOPPED", over);
  const read = found.filter((task) => task.stopCode !== undefined && isOf(task, aim) && !isUnwanted(task));
  const merged = new Map([...before, ...read.map(stoppedTask)].map((task) => [task.id, task]));
  return [...merged.values()].sort((a, b) => a.at - b.at);
}

/**
 * Counts the tasks of a service that have not ended, whatever ECS is about to do with them: `runningCount` leaves out those that
 * are being stopped, and they may work for minutes.
 * @throws AwsError
 */
export async function countLiveTasks(ecs: EcsSend, aim: Aim): Promise<number> {
  const wanted = await readTasks(ecs, aim, "RUNNING", new Set());
  const unwanted = await readTasks(ecs, aim, "STOPPED", new Set());
  return [...wanted, ...unwanted].filter(({ lastStatus }) => lastStatus !== "STOPPED").length;
}

/**
 * Counts the tasks of a service whose processes have not ended, and that are of another revision than it is to run.
 * @throws AwsError
 */
export async function countOlderTasks(
  ecs: EcsSend,
  aim: Pick<Aim, "cluster" | "service">,
  { revision }: Pick<ServiceObservation, "revision">,
): Promise<number> {
  const wanted = await readTasks(ecs, aim, "RUNNING", new Set());
  const unwanted = await readTasks(ecs, aim, "STOPPED", new Set());
  return [...wanted, ...unwanted].filter(
    ({ lastStatus = "", taskDefinitionArn }) =>
      !withoutProcess.has(lastStatus) && !sameRevision(revisionOf(taskDefinitionArn), revision),
  ).length;
}

/** Source: task-lifecycle-explanation in the ECS developer guide. */
const withoutProcess: ReadonlySet<string> = new Set(["DEPROVISIONING", "STOPPED", "DELETED"]);

/** @returns null when none of this rollout's tasks runs. @throws AwsError */
export async function readSurvivor(ecs: EcsSend, aim: Aim): Promise<Survivor | null> {
  const tasks = await readTasks(ecs, aim, "RUNNING", new Set());
  const running = tasks
    .filter((task) => task.lastStatus === "RUNNING" && task.healthStatus !== "UNHEALTHY" && isOf(task, aim))
    .map(({ startedAt, healthStatus }) => ({
      startedAt: startedAt?.getTime() ?? 0,
      isHealthy: healthStatus === "HEALTHY",
    }))
    .sort((a, b) => Number(b.isHealthy) - Number(a.isHealthy) || a.startedAt - b.startedAt);
  return running[0] ?? null;
}

/** Tasks of a service that ECS wants to run, or to stop. @throws AwsError */
export async function readTasks(
  ecs: EcsSend,
  { cluster, service }: Pick<Aim, "cluster" | "service">,
  desiredStatus: "RUNNING" | "STOPPED",
  except: ReadonlySet<string>,
): Promise<readonly Task[]> {
  const resource = `service ${service} in cluster ${cluster}`;
  const found: Task[] = [];
  let nextToken: string | undefined;
  do {
    const list = { cluster, serviceName: service, desiredStatus, maxResults: mostTasks, nextToken };
    const page = await ecs(new ListTasksCommand(list), { resource });
    nextToken = page.nextToken;
    const arns = (page.taskArns ?? []).filter((arn) => !except.has(nameOf(arn)));
    if (arns.length === 0) continue;
    const { tasks = [] } = await ecs(new DescribeTasksCommand({ cluster, tasks: arns }), { resource });
    found.push(...tasks);
  } while (nextToken !== undefined);
  return found;
}

/** A task says which deployment started it; an ECS that does not say so is asked what it runs, and since when. */
function isOf({ startedBy, taskDefinitionArn, createdAt }: Task, { deploymentId, to, since }: Aim): boolean {
  if (startedBy?.startsWith("ecs-svc/") === true) return startedBy === deploymentId;
  return sameRevision(revisionOf(taskDefinitionArn), to) && (createdAt?.getTime() ?? 0) >= since;
}

/** The scheduler ended it because there were too many, not because it was ill: both bear the same stop code. */
function isUnwanted({ stopCode, stoppedReason }: Task): boolean {
  return stopCode === "ServiceSchedulerInitiated" && !/health check/i.test(stoppedReason ?? "");
}

function stoppedTask(task: Task): StoppedTask {
  return {
    id: nameOf(task.taskArn ?? ""),
    // Source: "Task lifecycle states" in the developer guide.
    isOver: task.lastStatus === "DEPROVISIONING" || task.lastStatus === "STOPPED",
    at: (endOf(task) ?? task.createdAt)?.getTime() ?? 0,
    lived: livedFor(task),
    code: task.stopCode ?? "",
    reason: untrusted(task.stoppedReason ?? ""),
    containers: (task.containers ?? []).map(stoppedContainer),
  };
}

function endOf({ executionStoppedAt, stoppingAt, stoppedAt }: Task): Date | undefined {
  return executionStoppedAt ?? stoppingAt ?? stoppedAt;
}

function livedFor(task: Task): number {
  const { startedAt } = task;
  const end = endOf(task);
  return startedAt === undefined || end === undefined ? 0 : Math.max(0, end.getTime() - startedAt.getTime());
}

function stoppedContainer({ name, exitCode, reason, healthStatus }: Container): StoppedContainer {
  return {
    name: name ?? "",
    exitCode: exitCode ?? null,
    reason: untrusted(reason ?? ""),
    unhealthy: healthStatus === "UNHEALTHY",
  };
}
