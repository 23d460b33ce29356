import type { ContainerOverride, KeyValuePair, TaskDefinition, TaskOverride } from "@aws-sdk/client-ecs";

/** A task as a runtime sees it: what to run, and who it is. */
export interface RuntimeTask {
  /** 32 hex digits. */
  readonly id: string;
  readonly arn: string;
  readonly clusterArn: string;
  readonly definition: TaskDefinition;
  readonly overrides: TaskOverride;
  /** `ecs-svc/…` for a task of a service. */
  readonly startedBy: string | undefined;
  /** `service:<name>` or `family:<name>`. */
  readonly group: string;
}

/** What a runtime tells the scheduler. Calls after the last container has exited are ignored. */
export interface RuntimeObserver {
  /** The image of one container is here; its manifest digest. */
  pulled(container: string, digest: string): void;
  /** Private address of the task. Before the first `started`. */
  address(ip: string): void;
  started(container: string): void;
  /** A container health check changed its mind. */
  health(container: string, status: "HEALTHY" | "UNHEALTHY"): void;
  exited(container: string, exitCode: number, reason?: string): void;
  /** The task cannot start: no container has an exit code. `reason` as ECS words it: `CannotPullContainerError: …`. */
  failedToStart(reason: string): void;
}

/** Is a target healthy, seen from its load balancer? `reason` as ECS words it: `Health checks failed with these codes: [500]`. */
export type TargetAnswer = { readonly healthy: true } | { readonly healthy: false; readonly reason: string };

/** Runs containers. The scheduler knows nothing else about them. */
export interface Runtime {
  /** Begins to start a task and returns at once; everything that happens to it is told to the observer. */
  start(task: RuntimeTask, observer: RuntimeObserver): void;
  /** SIGTERM to every container, SIGKILL after its stop timeout; each exit is told to the observer. */
  stop(taskId: string): void;
  /** One health check of a load balancer. */
  checkTarget(taskId: string, port: number, path: string, timeoutMilliseconds: number): Promise<TargetAnswer>;
  /** Ends everything that still runs, and resolves when it is gone. */
  close(): Promise<void>;
}

/** Environment of one container: the task definition's, then the overrides'. */
export function environmentOf(task: RuntimeTask, container: string): Readonly<Record<string, string>> {
  const defined = task.definition.containerDefinitions?.find(({ name }) => name === container)?.environment ?? [];
  const overridden = overrideOf(task, container)?.environment ?? [];
  const pairs: readonly KeyValuePair[] = [...defined, ...overridden];
  return Object.fromEntries(pairs.map(({ name, value }) => [name ?? "", value ?? ""]));
}

export function overrideOf(task: RuntimeTask, container: string): ContainerOverride | undefined {
  return task.overrides.containerOverrides?.find(({ name }) => name === container);
}
