import { setTimeout as sleep } from "node:timers/promises";
import type { Task } from "@aws-sdk/client-ecs";
import { readPastClient } from "../../unit/local-aws/stage.ts";
import type { DagsterStack } from "./bed.ts";

/** When a task was there, in milliseconds since 1970. */
export interface Life {
  /** Its ARN. */
  readonly task: string;
  /** `small-daemon:3` */
  readonly revision: string;
  readonly created: number;
  /** Infinity: it runs still. */
  readonly stopped: number;
}

/** Looks at the tasks of a cluster until it is stopped: ECS soon forgets those that are gone. */
export function watchLives(stack: DagsterStack): { stop(): Promise<readonly Life[]> } {
  const seen = new Map<string, Life>();
  const over = new AbortController();
  const look = async (): Promise<void> => {
    for (const life of await livesOf(stack)) seen.set(life.task, life);
  };
  const looking = (async () => {
    while (!over.signal.aborted) {
      await look();
      await sleep(1000);
    }
  })();
  return {
    stop: async () => {
      over.abort();
      await looking;
      await look();
      return [...seen.values()];
    },
  };
}

async function livesOf(stack: DagsterStack): Promise<readonly Life[]> {
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
    .map(({ taskArn = "", taskDefinitionArn = "", createdAt, stoppedAt }) => ({
      task: taskArn,
      revision: taskDefinitionArn.slice(taskDefinitionArn.lastIndexOf("/") + 1),
      created: createdAt?.getTime() ?? 0,
      stopped: stoppedAt?.getTime() ?? Infinity,
    }))
    .toSorted((one, other) => one.created - other.created);
}

/** What services run now: `small-daemon:3`, in alphabetical order. */
export async function running(stack: DagsterStack): Promise<readonly string[]> {
  const lives = await livesOf(stack);
  return lives
    .flatMap(({ revision, stopped }) => (stopped === Infinity && !/-(run|once)-/.test(revision) ? [revision] : []))
    .toSorted();
}
