import type { Task } from "@aws-sdk/client-ecs";
import type { Dagster } from "../../dagster/client.ts";
import type { Run } from "../../dagster/documents.ts";
import type { Context } from "../../domain/context.ts";
import { hideSecrets } from "../../domain/redaction.ts";
import type { CanaryExpectation } from "./expectation.ts";
import type { TaskImages } from "./judge.ts";
import type { ProofClients } from "./reads.ts";

/** What a canary has come to know. */
export interface Progress {
  /** The run that is followed. */
  run: Followed | null;
  /** Of an earlier attempt that is over. */
  passedOver: string | null;
  /** When a launch was not answered, and when ECS first did not know the run's task; milliseconds since 1970. */
  lostSince: number | null;
  unknownSince: number | null;
  /** When ECS was asked for the task of a run that goes on, and when it first said that this has ended. */
  lookedAt: number | null;
  endedSince: number | null;
  /** What ran in the services that hold runs, before the launch. */
  before: readonly TaskImages[];
  /** The run succeeded, and this is proved of it. */
  proved: Proved | null;
}

export interface Followed {
  readonly id: string;
  readonly origin: "launched" | "found";
  /** null: it has none, or it was found. */
  readonly partition: string | null;
}

export interface Proved {
  /** null: it was no task of its own. */
  readonly task: Task | null;
  /** For people: how it is proved. */
  readonly how: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** What else was found, for people; null: not found yet. */
  lines: string | null;
  computeLogs: string | null;
}

export interface Asking {
  readonly dagster: Dagster;
  readonly clients: ProofClients;
  readonly context: Context;
  readonly expected: CanaryExpectation;
  readonly progress: Progress;
}

export function nothingKnown(): Progress {
  return {
    run: null,
    passedOver: null,
    lostSince: null,
    unknownSince: null,
    lookedAt: null,
    endedSince: null,
    before: [],
    proved: null,
  };
}

/** The launcher tags a run with its task. */
export function taskOf({ tags }: Run): string | null {
  return tags.find(({ key }) => key === "ecs/task_arn")?.value ?? null;
}

/** For people, after what is run. */
export function ofPartition(partition: string | null): string {
  return partition === null ? "" : `, partition ${hideSecrets(partition)}`;
}
