import type { BedClock } from "../clock.ts";
import type { Runtime, RuntimeTask } from "../runtime.ts";

/** What one container does, told in seconds since its task was handed to the runtime. Never shortened by the speed factor. */
export type Behaviour =
  /** Runs until it is told to stop. */
  | (Start & { readonly kind: "healthy" })
  | (Start & {
      readonly kind: "exits";
      readonly code: number;
      /** After its start. */
      readonly afterSeconds: number;
      /** The container's own reason: `OutOfMemoryError: Container killed due to memory usage`. */
      readonly reason?: string;
    })
  /** The task ends before any container runs. `reason` as ECS words it: `CannotPullContainerError: …`. */
  | { readonly kind: "never-starts"; readonly reason: string; readonly afterSeconds?: number }
  /** Runs, but its health checks fail: from the start, or after it was healthy for a while. */
  | (Start & { readonly kind: "unhealthy"; readonly healthySeconds?: number; readonly targetReason?: string })
  /** Healthy and unhealthy in turn. */
  | (Start & { readonly kind: "flapping"; readonly everySeconds: number });

interface Start {
  /** Until the image is here and the process runs: 10 unless told. */
  readonly startsAfterSeconds?: number;
  /** From its start until its health checks pass: 5 unless told. */
  readonly healthyAfterSeconds?: number;
  readonly log?: readonly LogLine[];
  /** From SIGTERM to its exit: 1 unless told; past the stop timeout it is killed. */
  readonly stopsAfterSeconds?: number;
  /** 0 unless told; 143 for a program that does not handle SIGTERM. */
  readonly stopExitCode?: number;
}

export interface LogLine {
  /** After the container's start: 0 unless told. */
  readonly afterSeconds?: number;
  readonly text: string;
}

/** One behaviour for every container, or one for each by its name. */
export type TaskBehaviour = Behaviour | { readonly containers: Readonly<Record<string, Behaviour>> };

/** Where container logs go, as the `awslogs` driver names them. */
export interface LogSink {
  write(line: LoggedLine): void;
}

export interface LoggedLine {
  readonly group: string;
  /** `prefix/container/task id` */
  readonly stream: string;
  readonly at: number;
  readonly text: string;
}

export interface ScriptedRuntime extends Runtime {
  /**
   * From now on tasks behave so.
   * @param key `family:revision`, a family, an image as the definition names it, or a function that knows the task.
   */
  script(key: string | ((task: RuntimeTask) => boolean), behaviour: TaskBehaviour): void;
  /** What a tag stands for; an image that names a digest needs no entry, any other gets a digest made from its name. */
  tag(image: string, digest: string): void;
  /** Pulls of this image fail, as ECS words it. */
  forgetImage(image: string): void;
  /** Tasks whose definition names this `valueFrom` cannot start. */
  forgetSecret(valueFrom: string): void;
  /** Everything containers wrote, oldest first. */
  readonly lines: readonly LoggedLine[];
}

export interface ScriptedOptions {
  readonly clock: BedClock;
  readonly log?: LogSink;
}

export function createScriptedRuntime({ clock, log }: ScriptedOptions): ScriptedRuntime {
  throw new Error(`not written yet: ${typeof clock} ${typeof log}`);
}
