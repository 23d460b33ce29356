import type { Task } from "@aws-sdk/client-ecs";
import { readPastClient } from "../../unit/local-aws/stage.ts";
import type { DagsterStack } from "./bed.ts";

/** When a task was there, in milliseconds since 1970. */
export interface Life {
  /** `small-daemon:3` */
  readonly revision: string;
  readonly created: number;
  /** Infinity: it runs still. */
  readonly stopped: number;
}

/** Of all tasks of its cluster, of the last hour, in the order in which they were made. */
export async function livesOf(stack: DagsterStack): Promise<readonly Life[]> {
  const { aws } = await stack.rest();
  const cluster = stack.name;
  const arns = await Promise.all(
    (["RUNNING", "STOPPED"] as const).map(async (desiredStatus) => {
      const listed = (await readPastClient(aws, "ListTasks", { cluster, desiredStatus })) as { taskArns?: string[] };
      return listed.taskArns ?? [];
    }),
  );
  const tasks = arns.flat();
  if (tasks.length === 0) return [];
  const described = (await readPastClient(aws, "DescribeTasks", { cluster, tasks })) as {
    readonly tasks?: readonly Task[];
  };
  return (described.tasks ?? [])
    .map(({ taskDefinitionArn = "", createdAt, stoppedAt }) => ({
      revision: taskDefinitionArn.slice(taskDefinitionArn.lastIndexOf("/") + 1),
      created: createdAt?.getTime() ?? 0,
      stopped: stoppedAt?.getTime() ?? Infinity,
    }))
    .toSorted((one, other) => one.created - other.created);
}

/** What runs now: `small-daemon:3`, in alphabetical order. */
export async function running(stack: DagsterStack): Promise<readonly string[]> {
  const lives = await livesOf(stack);
  return lives.flatMap(({ revision, stopped }) => (stopped === Infinity ? [revision] : [])).toSorted();
}
