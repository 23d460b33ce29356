/** What one container does, told in seconds. The speed factor shortens none of them. */
export type Behaviour = RunningBehaviour | NeverStarts;

/** The task ends before any container runs. */
export interface NeverStarts {
  readonly kind: "never-starts";
  /** As ECS words it: `CannotPullContainerError: …`. */
  readonly reason: string;
  /** 5 unless told. */
  readonly afterSeconds?: number;
}

export type RunningBehaviour =
  /** Runs until it is told to stop. */
  | (Manner & { readonly kind: "healthy" })
  | (Manner & {
      readonly kind: "exits";
      readonly code: number;
      /** After its start. */
      readonly afterSeconds: number;
      /** The container's own reason: `OutOfMemoryError: Container killed due to memory usage`. */
      readonly reason?: string;
    })
  /** Runs, but its health checks fail: from the start, or after it was healthy for a while. */
  | (Manner & { readonly kind: "unhealthy"; readonly healthySeconds?: number; readonly targetReason?: string })
  /** Is what a program does, for as long as that takes. */
  | (Manner & { readonly kind: "runs"; readonly program: Program })
  /** Healthy and unhealthy in turn. */
  | (Manner & { readonly kind: "flapping"; readonly everySeconds: number });

/** Starts something real in the place of a script. */
export type Program = (told: {
  readonly write: (line: string) => void;
  readonly exited: (code: number) => unknown;
}) => { signal(signal: "SIGTERM" | "SIGKILL"): void };

interface Manner {
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
