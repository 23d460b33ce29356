import type { LocalAws, RegisteredInstance } from "../local-aws.ts";
import type { PlayedTask } from "../runtimes/tasks/task.ts";

/**
 * Which of several tasks behind one name a client meets. `random` is what DNS does with several A records; the other
 * two make a test's worst and best case certain.
 */
export type NamePolicy = "random" | "newest" | "oldest";

export type Resolution =
  | { readonly kind: "address"; readonly address: string }
  /** A name of ours, behind which nobody stands. */
  | { readonly kind: "nobody" }
  /** Not a name of ours. */
  | { readonly kind: "elsewhere" };

/**
 * Answers names as Cloud Map would, one task at a time. A task with health checks is met once it has passed them, as
 * behind a Cloud Map service with HealthCheckCustomConfig (https://github.com/aws/containers-roadmap/issues/830;
 * without that setting, https://github.com/aws/amazon-ecs-agent/issues/1421 tells of names that come before health).
 */
export interface Names {
  /** May be changed at any time. */
  policy: NamePolicy;
  readonly resolve: (host: string) => Resolution;
}

export interface NamesOptions {
  readonly aws: Pick<LocalAws, "resolve">;
  readonly tasks: ReadonlyMap<string, PlayedTask>;
  readonly policy: NamePolicy;
  /**
   * Above 0, a task that was met under a name is met there until it is told to stop, although ECS has taken it out
   * before: as with a resolver that remembers.
   */
  readonly overlapSeconds: number;
}

export function createNames({ aws, tasks, policy, overlapSeconds }: NamesOptions): Names {
  const remembered = new Map<string, readonly RegisteredInstance[]>();
  const stays = ({ taskId }: RegisteredInstance): boolean => tasks.get(taskId)?.leaving === false;

  const names: Names = {
    policy,
    resolve: (host) => {
      const registered = aws.resolve(host);
      if (registered === null) return { kind: "elsewhere" };
      const healthy = registered.filter(({ taskId, healthy }) => healthy && tasks.get(taskId)?.passing === true);
      const known = new Set(registered.map(({ taskId }) => taskId));
      const former = (remembered.get(host) ?? []).filter((instance) => !known.has(instance.taskId) && stays(instance));
      const met = [...former, ...healthy];
      if (overlapSeconds > 0) remembered.set(host, met);
      const chosen = met[choice(names.policy, met.length)];
      return chosen === undefined ? { kind: "nobody" } : { kind: "address", address: chosen.address };
    },
  };
  return names;
}

/** Instances come oldest first. */
function choice(policy: NamePolicy, count: number): number {
  switch (policy) {
    case "random":
      return Math.floor(Math.random() * count);
    case "newest":
      return count - 1;
    case "oldest":
      return 0;
  }
}
