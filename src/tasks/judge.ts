import type { Container, Task } from "@aws-sdk/client-ecs";

/** How a one-off task ended, by the container that decides. */
export type TaskEnd =
  | { readonly kind: "exited"; readonly exitCode: number; readonly others: readonly ContainerEnd[] }
  /** That container never ran: there is no exit code. */
  | { readonly kind: "never-started"; readonly stopCode: string; readonly reason: string };

/** Another container of the task: reported, never decisive. */
export interface ContainerEnd {
  readonly name: string;
  readonly exitCode: number | null;
  readonly reason: string | null;
}

/**
 * Judges a task that has stopped. Without an exit code nothing of ours was executed, whatever other containers did: ECS says why
 * in the task's stop code and reason, and in the container's own reason.
 */
export function judgeEnd(task: Task, container: string): TaskEnd {
  const containers = task.containers ?? [];
  const decisive = containers.find(({ name }) => name === container);
  const others = containers.filter(({ name }) => name !== container).map(endOf);
  if (decisive?.exitCode !== undefined) return { kind: "exited", exitCode: decisive.exitCode, others };
  const reasons = [task.stoppedReason, decisive?.reason, ...others.map(({ reason }) => reason)].filter(
    (reason) => reason !== undefined && reason !== null,
  );
  return { kind: "never-started", stopCode: task.stopCode ?? "unknown", reason: [...new Set(reasons)].join("; ") };
}

function endOf({ name = "", exitCode, reason }: Container): ContainerEnd {
  return { name, exitCode: exitCode ?? null, reason: reason ?? null };
}
