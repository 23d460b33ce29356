import {
  DescribeTasksCommand,
  ListTasksCommand,
  RunTaskCommand,
  type RunTaskCommandOutput,
  StopTaskCommand,
  type Task,
  type TaskOverride,
} from "@aws-sdk/client-ecs";
import { nameOf } from "../aws/arn.ts";
import type { EcsSend } from "../aws/ecs.ts";
import { type AwsError, isAwsError, isGivenUp, isWeather } from "../aws/error.ts";
import type { LogsSend } from "../aws/logs.ts";
import type { Context } from "../domain/context.ts";
import { Cancelled, UserError } from "../domain/errors.ts";
import { type FollowedLog, type LogStream, type Marked, followLog } from "./follow-log.ts";
import { type TaskEnd, judgeEnd } from "./judge.ts";

/** Subnets, security groups and public address, as ECS wants them. */
export interface TaskNetwork {
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  readonly publicAddress: boolean;
}

/** One task that ends by itself. */
export interface TaskRequest {
  /** What it is for, in the log and in errors: `migration application`. */
  readonly title: string;
  readonly cluster: string;
  /** ARN, or `family:revision`. */
  readonly taskDefinition: string;
  /** The container that decides; others are reported. */
  readonly container: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly network: TaskNetwork;
  /** Same text, same task: a repeated request finds it instead of starting another. At most 64 characters. */
  readonly clientToken: string;
  /** Shown in the console; at most 128 letters, digits, dashes and underscores. */
  readonly startedBy: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  /** Tasks of this family that run, or stop, of an attempt that was cut, are waited for first; null: others may run beside it. */
  readonly aloneIn: string | null;
  /** Where its output goes, that of all its containers; null when the definition does not say. */
  readonly log: LogStream | null;
  /** Lines of the container that decides which are for the caller; null: none. */
  readonly marked: Marked | null;
}

/** What of it ECS is told. */
export type StartRequest = Omit<TaskRequest, "timeoutSeconds" | "aloneIn" | "log" | "marked">;

export interface TaskResult {
  readonly taskArn: string;
  readonly end: TaskEnd;
  readonly seconds: number;
  /** The last lines of the container that decides. Foreign text. */
  readonly lastLines: readonly string[];
  /** What followed the mark in its lines, oldest first. Foreign text. */
  readonly marked: readonly string[];
}

export interface TaskClients {
  readonly ecs: EcsSend;
  readonly logs: LogsSend;
}

/** Time between two looks at the task, and at its log, in milliseconds. */
const pause = 1000;
/** A lack of capacity passes: it is tried again for as long as this, and this often, in milliseconds. */
const longestWithoutCapacity = 5 * 60_000;
const capacityPause = 15_000;
/** Of all overrides as JSON. Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html */
const overridesLimit = 8192;

/**
 * Starts a task and follows it to its end: never waits for RUNNING, which a short task passes between two looks. Its lines are
 * reported while it runs, and to the last one after it has stopped. Cancelled or out of time, it is stopped and waited for.
 * @throws UserError when ECS cannot start it, or the time is over; Cancelled.
 */
export async function runTask(clients: TaskClients, context: Context, request: TaskRequest): Promise<TaskResult> {
  const begun = context.clock.now();
  await othersGone(clients.ecs, context, request);
  const taskArn = await startTask(clients.ecs, context, request);
  context.report({ kind: "line", text: `${request.title}: task ${nameOf(taskArn)}` });
  try {
    return await follow(clients, context, request, taskArn, begun);
  } catch (error) {
    throw isAwsError(error) ? unwatched(error, request, taskArn) : error;
  }
}

/** @throws UserError when the time is over; Cancelled; AwsError when ECS says nothing of the task, which then may go on */
async function follow(
  clients: TaskClients,
  context: Context,
  request: TaskRequest,
  taskArn: string,
  begun: number,
): Promise<TaskResult> {
  const { clock, signal } = context;
  const followed = followedLogs(clients.logs, context, request, nameOf(taskArn));
  let why: "cancelled" | "timed-out" | null = null;
  let stoppedAt = 0;
  let endedAt: number | null = null;
  for (;;) {
    const task = await lookAtTask(clients.ecs, request.cluster, taskArn);
    const logs = followed(task);
    // ECS takes some seconds to put away a task whose containers have ended; meanwhile their logs come to an end.
    if (hasEnded(task)) endedAt ??= clock.now();
    // Before its containers start nobody writes, and soon after their end neither; it is read to the end in any case.
    const isSilent = endedAt !== null && clock.now() - endedAt > logsComeWithin;
    if (!["PROVISIONING", "PENDING"].includes(task?.lastStatus ?? "") && !isSilent)
      await Promise.all(logs.map((log) => log.read()));
    if (task?.lastStatus === "STOPPED") {
      await Promise.all(logs.map((log) => log.drain(endedAt ?? clock.now())));
      if (why !== null) throw interrupted(why, request, "was stopped, and is gone");
      return {
        taskArn,
        end: judgeEnd(task, request.container),
        seconds: (clock.now() - begun) / 1000,
        lastLines: logs[0]?.lastLines() ?? [],
        marked: logs[0]?.marked() ?? [],
      };
    }
    if (why === null && (signal.aborted || clock.now() - begun > request.timeoutSeconds * 1000)) {
      why = signal.aborted ? "cancelled" : "timed-out";
      context.report({
        kind: "line",
        text: `${request.title}: ${why === "cancelled" ? "cancelled" : `not done after ${request.timeoutSeconds} s`}, stopping its task`,
      });
      await stopTask(clients.ecs, request, taskArn, why);
      stoppedAt = clock.now();
    }
    if (why === "cancelled" && clock.now() - stoppedAt >= longestCancelling)
      throw interrupted(why, request, "was told to stop, and is stopping");
    // Not with the signal: what was started is waited for, whoever gave up.
    await clock.sleep(pause);
  }
}

/** Milliseconds after which a log has what its container wrote; whatever comes later is found at the end. */
const logsComeWithin = 3_000;

/** Do its containers write no more? */
function hasEnded(task: Task | null): boolean {
  const { lastStatus = "", containers = [] } = task ?? {};
  return lastStatus === "STOPPED" || (containers.length > 0 && containers.every((one) => one.lastStatus === "STOPPED"));
}

/** Of the ten seconds between a cancelled job's first signal and its end, this long is spent on seeing the task gone. */
const longestCancelling = 4_000;

/** @throws UserError when the time is over */
async function othersGone(
  ecs: EcsSend,
  { clock, report, signal }: Context,
  { aloneIn: family, cluster, title, timeoutSeconds }: TaskRequest,
): Promise<void> {
  if (family === null) return;
  const begun = clock.now();
  let told = "";
  for (;;) {
    const others = await tasksOf(ecs, cluster, family);
    if (others.length === 0) return;
    const names = others.map(nameOf).join(", ");
    if (clock.now() - begun > timeoutSeconds * 1000) {
      throw new UserError({
        what: `${title} was not begun: ${names}, of an earlier attempt, still runs after ${timeoutSeconds} s.`,
        where: `cluster ${cluster}, family ${family}`,
        fix: "See its log; stop it when it hangs, and run this again.",
      });
    }
    if (names !== told) report({ kind: "line", text: `${title}: waiting for task ${names} of an earlier attempt` });
    told = names;
    await clock.sleep(pause, signal);
  }
}

/**
 * Tasks of a family whose containers may run. ECS lists by the status that is wished for: one that was told to stop counts as
 * STOPPED at once, and lives on for its containers' stop timeout. Asked for in this order, none slips through in between.
 * Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
 */
async function tasksOf(ecs: EcsSend, cluster: string, family: string): Promise<readonly string[]> {
  const resource = `tasks of ${family}`;
  const list = async (desiredStatus: "RUNNING" | "STOPPED"): Promise<readonly string[]> => {
    const { taskArns = [] } = await ecs(new ListTasksCommand({ cluster, family, desiredStatus }), { resource });
    return taskArns;
  };
  const running = await list("RUNNING");
  const stopped = await list("STOPPED");
  if (stopped.length === 0) return running;
  const { tasks = [] } = await ecs(new DescribeTasksCommand({ cluster, tasks: [...stopped] }), { resource });
  const stopping = tasks.filter(({ lastStatus }) => lastStatus !== "STOPPED");
  return [...running, ...stopping.flatMap(({ taskArn }) => taskArn ?? [])];
}

/** The log of the container that decides, and those of the others as soon as ECS tells of them. */
function followedLogs(
  logs: LogsSend,
  context: Context,
  { log, container, marked }: TaskRequest,
  taskId: string,
): (task: Task | null) => readonly FollowedLog[] {
  if (log === null) return () => [];
  const known = new Map([[container, followLog(logs, context, { ...log, taskId, container }, marked)]]);
  return (task) => {
    for (const { name } of task?.containers ?? []) {
      if (name === undefined || known.has(name)) continue;
      known.set(name, followLog(logs, context, { ...log, taskId, container: name }));
    }
    return [...known.values()];
  };
}

/**
 * ECS answers 200 when it cannot place a task, with the reason in `failures`; then there is none, and another token does no harm.
 * @throws UserError when ECS does not start it, or its overrides are too long
 */
export async function startTask(
  ecs: EcsSend,
  { clock, report, signal }: Context,
  request: StartRequest,
): Promise<string> {
  const overrides = overridesOf(request);
  const begun = clock.now();
  for (let attempt = 1; ; attempt += 1) {
    const clientToken = attempt === 1 ? request.clientToken : `${attempt}.${request.clientToken}`.slice(0, 64);
    const { tasks = [], failures = [] } = await startOnce(ecs, { ...request, clientToken }, overrides);
    const arn = tasks[0]?.taskArn;
    if (arn !== undefined) return arn;
    const reasons = failures.map(({ reason, detail }) =>
      [reason, detail].filter((text) => text !== undefined).join(": "),
    );
    const isCapacity = reasons.length > 0 && reasons.every((reason) => /capacity/i.test(reason));
    if (!isCapacity || clock.now() - begun >= longestWithoutCapacity) throw notStarted(request, reasons, isCapacity);
    report({ kind: "line", text: `${request.title}: ${reasons.join("; ")} Trying again.` });
    await clock.sleep(capacityPause, signal);
  }
}

function notStarted(
  { title, cluster, taskDefinition }: StartRequest,
  reasons: readonly string[],
  isCapacity: boolean,
): UserError {
  return new UserError({
    what: `ECS does not start the task of ${title}: ${reasons.join("; ") || "it gives no reason"}.`,
    where: `cluster ${cluster}, task definition ${taskDefinition}`,
    fix: isCapacity
      ? "AWS has no capacity for it at this moment: run it again in a few minutes, or allow another availability zone."
      : "Mend what the reason names, and run it again.",
  });
}

/** @throws UserError when they are longer than ECS takes */
function overridesOf({ title, container: name, command, environment }: StartRequest): TaskOverride {
  const variables = Object.entries(environment).map(([variable, value]) => ({ name: variable, value }));
  const overrides = { containerOverrides: [{ name, command: [...command], environment: variables }] };
  const { length } = JSON.stringify(overrides);
  if (length <= overridesLimit) return overrides;
  throw new UserError({
    what: `The command and the environment of ${title} take ${length} characters; ECS takes ${overridesLimit} for one task.`,
    where: title,
    fix: "Put what is long into a file of the image, and let the command name that.",
  });
}

function startOnce(ecs: EcsSend, request: StartRequest, overrides: TaskOverride): Promise<RunTaskCommandOutput> {
  const { subnets, securityGroups, publicAddress } = request.network;
  return ecs(
    new RunTaskCommand({
      cluster: request.cluster,
      taskDefinition: request.taskDefinition,
      launchType: "FARGATE", // the definitions of one-off tasks are made for it, whatever services run on
      clientToken: request.clientToken,
      startedBy: request.startedBy,
      networkConfiguration: {
        awsvpcConfiguration: {
          subnets: [...subnets],
          securityGroups: [...securityGroups],
          assignPublicIp: publicAddress ? "ENABLED" : "DISABLED",
        },
      },
      overrides,
      tags: Object.entries(request.tags).map(([key, value]) => ({ key, value })),
    }),
    { resource: `task definition ${request.taskDefinition}`, idempotent: true }, // the client token makes it so
  );
}

/** @returns null when ECS cannot be asked now, or does not know the task yet. */
export async function lookAtTask(ecs: EcsSend, cluster: string, taskArn: string): Promise<Task | null> {
  try {
    const { tasks = [] } = await ecs(new DescribeTasksCommand({ cluster, tasks: [taskArn] }), {
      signal: AbortSignal.timeout(30_000),
    });
    return tasks[0] ?? null;
  } catch (error) {
    if (isWeather(error) || isGivenUp(error)) return null;
    throw error;
  }
}

/** Tells ECS to end a task, although the job may be cancelled already. */
export async function stopTask(
  ecs: EcsSend,
  { cluster, title }: Pick<TaskRequest, "cluster" | "title">,
  task: string,
  why: string,
): Promise<void> {
  const command = new StopTaskCommand({ cluster, task, reason: `${title}: ${why}`.slice(0, 255) });
  await ecs(command, { resource: `task ${nameOf(task)}`, idempotent: true, signal: AbortSignal.timeout(30_000) });
}

/** Nobody follows it any more, and it was not stopped: whoever reads the error must know. */
function unwatched(cause: AwsError, { title, cluster }: TaskRequest, taskArn: string): UserError {
  const what = `${cause.what} Task ${nameOf(taskArn)} of ${title} may still run, and is not watched any more.`;
  const fix = `${cause.fix}\nSee in cluster ${cluster} how that task ends; a repeated run waits for it.`;
  return new UserError({ what, where: cause.where, fix }, { cause });
}

function interrupted(why: "cancelled" | "timed-out", { title, timeoutSeconds }: TaskRequest, end: string): Error {
  if (why === "cancelled") return new Cancelled(`${title} was cancelled; its task ${end}.`);
  return new UserError({
    what: `${title} was not done after ${timeoutSeconds} s; its task ${end}.`,
    where: title,
    fix: "See its last lines above. A lock that somebody holds in the database is the usual reason; or give it more time.",
  });
}
