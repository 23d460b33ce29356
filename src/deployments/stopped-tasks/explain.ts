import { exitAdviceOf } from "./exit-advice.ts";
import type { StoppedContainer, StoppedTask } from "./read.ts";
import { startFailureOf, type StartFailure } from "./start-failures.ts";

/** Why tasks of a deployment do not live. */
export type FailureId =
  | "image-not-pulled"
  | "secret-not-read"
  | "task-not-started"
  | "out-of-memory"
  | "container-exited"
  | "health-check-failed"
  | "target-unhealthy"
  | "task-interrupted"
  | "stopped-by-user";

/** The failure that tells most: the most frequent one, of these the latest; with its newest task. */
export function mainFailure(
  stopped: readonly StoppedTask[],
): { readonly failure: Failure; readonly times: number; readonly task: StoppedTask } | null {
  const byId = new Map<FailureId, StoppedTask[]>();
  for (const task of stopped) {
    const { id } = failureOf(task);
    byId.set(id, [...(byId.get(id) ?? []), task]);
  }
  const latest = (tasks: readonly StoppedTask[]): number => tasks.at(-1)?.at ?? 0;
  const [most] = [...byId.values()].sort((a, b) => b.length - a.length || latest(b) - latest(a));
  const task = most?.at(-1);
  return task === undefined || most === undefined ? null : { failure: failureOf(task), times: most.length, task };
}

/** Containers to look at first when this task failed, by name. */
export function suspects({ containers }: StoppedTask): readonly string[] {
  const names = (those: readonly StoppedContainer[]): readonly string[] => those.map(({ name }) => name);
  const own = containers.filter(isOwnFailure);
  if (own.length > 0) return names(own);
  const ill = containers.filter(({ unhealthy }) => unhealthy);
  return names(ill.length > 0 ? ill : containers.filter(({ exitCode }) => exitCode !== null));
}

export interface Failure {
  readonly id: FailureId;
  /** What happened, as a clause: `container app exited with code 1`. */
  readonly what: string;
  readonly fix: string;
  /** The next task cannot but fail alike. */
  readonly repeats: boolean;
}

/** Reads stop code, exit codes, and AWS's words where these leave it open. Source: stopped-task-error-codes in the developer guide. */
export function failureOf(task: StoppedTask): Failure {
  const reason = task.reason.untrusted;
  const [container] = suspects(task);
  const named = container === undefined ? "a container" : `container ${container}`;
  switch (task.code) {
    case "TaskFailedToStart":
      return withSource(startFailureOf([reason, ...task.containers.map((one) => one.reason.untrusted)].join("\n")));
    case "UserInitiated":
      return {
        id: "stopped-by-user",
        what: "somebody stopped it with StopTask",
        fix: "Find out who stops tasks of this service: CloudTrail records each StopTask with its caller.",
        repeats: false,
      };
    case "SpotInterruption":
    case "TerminationNotice":
    case "InfrastructureHealth":
      return {
        id: "task-interrupted",
        what: "the capacity it ran on was taken away",
        fix: "Run it again; for a service that must not be interrupted, use FARGATE in the place of FARGATE_SPOT.",
        repeats: false,
      };
    default:
      break;
  }
  if (/ELB health check|target.group/i.test(reason)) {
    return {
      id: "target-unhealthy",
      what: "the health check of its load balancer does not pass",
      fix: "Check path, port and expected status of the target group's health check, the security group between load balancer and task, and the service's grace period.",
      repeats: false,
    };
  }
  if (/health check/i.test(reason)) {
    return {
      id: "health-check-failed",
      what: `the health check of ${named} does not pass`,
      fix: "Run the health check's command in the container: it must find the port on which the program listens. A check that calls curl or wget cannot pass in an image that has neither, as slim images have not. Give it a longer startPeriod if the program needs more time to start. (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html)",
      repeats: false,
    };
  }
  const memory = task.containers.find((one) => /OutOfMemory/i.test(one.reason.untrusted));
  if (memory !== undefined) {
    return {
      id: "out-of-memory",
      what: `container ${memory.name} takes more memory than it has`,
      fix: "Give the task definition more memory, or let the program need less. (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html)",
      repeats: false,
    };
  }
  const code = task.containers.find(({ name }) => name === container)?.exitCode;
  const usual = exitAdviceOf(code ?? 0);
  return {
    id: "container-exited",
    what: `${named} exited${code === null || code === undefined ? "" : ` with code ${code}`}`,
    fix:
      usual === null
        ? "Read the last lines of its log. Run the same image with the same environment to see it end alike."
        : `Usually ${usual.what}. ${usual.fix} (${usual.source})`,
    repeats: false,
  };
}

function withSource({ id, what, fix, repeats, source }: StartFailure): Failure {
  return { id, what, fix: `${fix} (${source})`, repeats };
}

/** SIGTERM and SIGKILL are what a container gets when another one took the task down. */
function isOwnFailure({ exitCode, reason }: StoppedContainer): boolean {
  return /OutOfMemory/i.test(reason.untrusted) || (exitCode !== null && ![0, 137, 143].includes(exitCode));
}
