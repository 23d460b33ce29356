import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import type { RuntimeTask } from "../../runtime.ts";

/** What containers are: processes of this machine, or containers of an engine. All else of a task is the same for both. */
export interface ContainerMaker {
  /** Pulls what is not here yet. @throws CannotPull in the words that ECS has for it */
  pull(request: PullRequest): Promise<LocalImage>;
}

export interface PullRequest {
  /** As the task definition names it. */
  readonly image: string;
  /** `linux/amd64` */
  readonly platform: string;
  /** Name of the execution role. */
  readonly role: string;
}

/** An image that is on this machine. */
export interface LocalImage {
  readonly digest: string;
  /** Does what comes before the first process of a container. @throws Error in the words that ECS has for it */
  make(request: MakeRequest): Promise<MadeContainer>;
}

export interface MakeRequest {
  readonly task: RuntimeTask;
  readonly definition: ContainerDefinition;
  /** Values by variable name. They are taken as they are. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Of the task. */
  readonly address: string;
  /** The container's own, not made yet; removed with the task. */
  readonly folder: string;
}

/** A container of which nothing is missing but its start. */
export interface MadeContainer {
  /** @param onLine is given each line that it writes to either stream */
  start(onLine: (line: string) => void): StartedContainer;
}

export interface StartedContainer {
  /** Rejects, in the words that ECS has for it, when it cannot be started. */
  readonly started: Promise<void>;
  /** When it is gone. Never settles when it did not start. */
  readonly exited: Promise<Exit>;
  /** When its last line was handed on. */
  readonly written: Promise<void>;
  /** The signal that asks it to stop. */
  terminate(): void;
  /** SIGKILL to all of it. */
  kill(): void;
  /** Runs a command in it. @returns whether that ended by itself with exit code 0, in time */
  passes(command: readonly string[], timeoutMilliseconds: number): Promise<boolean>;
}

export interface Exit {
  readonly code: number;
  /** As ECS words it, where it says more than the code. */
  readonly reason?: string;
}
