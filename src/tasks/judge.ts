import type { Container, Task } from "@aws-sdk/client-ecs";

/** How a one-off task ended, by the container that decides. */
export type TaskEnd =
  | {
      readonly kind: "exited";
      readonly exitCode: number;
      /** ECS's word for why the task stopped; `EssentialContainerExited` when it ended by itself. */
      readonly stopCode: string;
      /** What ECS says of it: a task that somebody stopped, a container that took too much memory. */
      readonly reason: string;
      readonly others: readonly ContainerEnd[];
    }
  /** That container never ran: there is no exit code. */
  | { readonly kind: "never-started"; readonly stopCode: string; readonly reason: string; readonly advice: string };

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
  const stopCode = task.stopCode ?? "unknown";
  if (decisive?.exitCode !== undefined) {
    const reason = joined([task.stoppedReason, decisive.reason]);
    return { kind: "exited", exitCode: decisive.exitCode, stopCode, reason, others };
  }
  const reason = joined([task.stoppedReason, decisive?.reason, ...others.map((other) => other.reason)]);
  return { kind: "never-started", stopCode, reason, advice: startAdvice(reason) };
}

/** `proxy: exit code 137, OutOfMemoryError` */
export function showContainerEnd({ name, exitCode, reason }: ContainerEnd): string {
  const code = exitCode === null ? "no exit code" : `exit code ${exitCode}`;
  return `${name}: ${reason === null ? code : `${code}, ${reason}`}`;
}

/**
 * What to do about a task that could not start, by the words that AWS has for it.
 * Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
 */
function startAdvice(reason: string): string {
  const known = startProblems.find(({ words }) => words.test(reason));
  return known?.advice ?? "Change what ECS names as the reason, and run it again.";
}

const startProblems: readonly { readonly words: RegExp; readonly advice: string }[] = [
  {
    words: /CannotPull|pull image|registry auth/i,
    advice:
      "Check that the image exists for the task's CPU architecture, that the execution role may pull it, and that the subnets reach the registry.",
  },
  {
    words: /logger|log group|log stream|awslogs/i,
    advice: "Check that the log group exists, and that the execution role may create streams in it.",
  },
  {
    words: /secret|ssm|parameter/i,
    advice:
      "Check that each secret and parameter of the definition exists, that the execution role may read it, and that the subnets reach Secrets Manager or SSM.",
  },
  {
    words: /executable file not found|no such file or directory|permission denied/i,
    advice: "The image does not have the program that was to run: see that it is installed, and on PATH.",
  },
  {
    words: /capacity/i,
    advice: "AWS has no capacity at this moment: run it again, or allow another availability zone.",
  },
  {
    words: /network interface|\beni\b/i,
    advice: "Check that the subnets have free addresses and that the security groups exist; then run it again.",
  },
];

function endOf({ name = "", exitCode, reason }: Container): ContainerEnd {
  return { name, exitCode: exitCode ?? null, reason: reason ?? null };
}

function joined(reasons: readonly (string | null | undefined)[]): string {
  return [...new Set(reasons.filter((reason) => reason !== undefined && reason !== null))].join("; ");
}
