import { type CanaryRun, showTarget } from "../../domain/canary.ts";
import type { UserError } from "../../domain/errors.ts";
import type { Cause } from "../../domain/verdict.ts";
import type { CanaryExpectation } from "./expectation.ts";

// What can be wrong with a canary, in words.

type Target = CanaryRun["target"];

export function missingTarget({ target, location }: CanaryExpectation): Cause {
  return {
    id: target.kind === "job" ? "canary-missing-job" : "canary-missing-asset",
    what: `Code location ${location} is loaded, and has no ${showTarget(target)}${target.kind === "asset" ? " that a run can make" : ""}.`,
    fix: `Name ${target.kind === "job" ? "a job" : "an asset"} that it has under \`gates: canary\` in the stack file, or add this one to its definitions.${target.kind === "asset" ? " Parts of an asset's key are joined by `/`." : ""}`,
  };
}

/** @param partitioned what the code says of the target */
export function otherPartitions({ target, partition }: CanaryExpectation, partitioned: boolean): Cause {
  const id = "canary-partition";
  if (partitioned) {
    return {
      id,
      what: `The canary, ${showTarget(target)}, has partitions, and the stack file names none.`,
      fix: "Add `partition: latest`, or a partition's name, to `gates: canary`.",
    };
  }
  return {
    id,
    what:
      partition.kind === "named"
        ? `The canary, ${showTarget(target)}, has no partition ${partition.name}, which the stack file names.`
        : `The canary, ${showTarget(target)}, has no partition, and the stack file says \`partition: latest\`.`,
    fix: "Remove `partition` from `gates: canary` when it has none; else name one that it has: of time windows the first one must be over, of dynamic partitions one must have been added.",
  };
}

export function refused({ target, config }: CanaryExpectation, why: string): Cause {
  return {
    id: "canary-refused",
    what: `Dagster does not launch the canary, ${showTarget(target)}: ${why}.`,
    fix:
      config === null
        ? "It is launched without run config: give it defaults for all that it needs, or `config` under `gates: canary`; and let whoever releases launch runs."
        : "Mend `config` under `gates: canary`; and let whoever releases launch runs.",
  };
}

export function notATask(target: Target): Cause {
  return {
    id: "canary-not-a-task",
    what: `The run of ${showTarget(target)} succeeded, but not as a task of ECS: it says nothing about the released image.`,
    fix: "Let Dagster's EcsRunLauncher launch the runs, and give the job no executor of its own that starts elsewhere.",
  };
}

export function noHolder({ target, holders, cluster }: CanaryExpectation): Cause {
  return {
    id: "canary-not-a-task",
    what: `The run of ${showTarget(target)} succeeded, and no task of ${holders.join(" or ")} ran in cluster ${cluster} in which it can have lived.`,
    fix: "Find out where runs are started: the stack file says `launcher: in-process`. `run_launcher` in dagster.yaml may say otherwise.",
  };
}

export function otherImage({ target, image }: CanaryExpectation, images: readonly string[]): Cause {
  return {
    id: "canary-other-image",
    what: `The run of ${showTarget(target)} succeeded, but not on ${image}: its task ran ${images.join(", ")}.`,
    fix: "Something between Dagster and ECS chooses the task definition of runs: `task_definition` in dagster.yaml, or tags of the job.",
  };
}

/** @param images that ran in services which hold runs */
export function holdersDiffer({ target, image, holders }: CanaryExpectation, images: readonly string[]): Cause {
  return {
    id: "canary-other-image",
    what: `The run of ${showTarget(target)} succeeded, in a process of ${holders.join(" or ")}; and not all of their tasks ran ${image}: there was ${images.join(", ")}.`,
    fix: "Find out who deploys to these services beside this release.",
  };
}

export function unknownTask({ target, cluster }: CanaryExpectation, task: string): Cause {
  return {
    id: "canary-unknown-task",
    what: `The run of ${showTarget(target)} succeeded, but cluster ${cluster} does not know its task ${task}: which image ran is not proved.`,
    fix: "Let the run launcher start runs in the cluster of the contract; `ecs:DescribeTasks` must be allowed there.",
  };
}

export function noLines({ target }: CanaryExpectation, why: string): Cause {
  return {
    id: "canary-no-logs",
    what: `The run of ${showTarget(target)} succeeded, and its lines are not in CloudWatch: ${why}.`,
    fix: "Give runs a `log-group`, let their execution role write to it (`logs:CreateLogStream`, `logs:PutLogEvents`), and let Dagster's loggers write to the console.",
  };
}

/** @param why what AWS said when this job asked for them */
export function unreadLines({ target }: CanaryExpectation, why: UserError): Cause {
  return {
    id: "canary-no-logs",
    what: `The run of ${showTarget(target)} succeeded, and whether its lines are in CloudWatch cannot be told: ${why.what}`,
    fix: `${why.fix} Or remove \`logs: true\` from the canary.`,
  };
}

export function noComputeLogs({ target, computeLogs }: CanaryExpectation, why: string): Cause {
  const place = computeLogs === null ? "" : `s3://${computeLogs.bucket}/${computeLogs.prefix}`;
  return {
    id: "canary-no-compute-logs",
    what: `The run of ${showTarget(target)} succeeded, and its compute logs are not below ${place}: ${why}.`,
    fix: "Configure `compute_logs` in dagster.yaml of webserver and runs (`dagster_aws.s3`, `S3ComputeLogManager`) with that bucket and prefix, and let the task role of runs write there.",
  };
}

export function failedRun(
  target: Target,
  { runId, status }: { readonly runId: string; readonly status: string },
): Cause {
  return {
    id: "canary-failed",
    what: `The canary, ${showTarget(target)}, ended with ${status} (run ${runId}).`,
    fix: "Its last events say why, and the last lines of its log.",
  };
}

/** @param left what goes on all the same, a sentence; or nothing */
export function unfinished({ target, timeoutSeconds }: CanaryExpectation, waiting: string, left: string): Cause {
  return {
    id: "canary-unfinished",
    what: `The canary, ${showTarget(target)}, has not succeeded after ${timeoutSeconds} s: ${waiting}.${left}`,
    fix: "See the daemon's log and the run in Dagster: a run that stays QUEUED waits for the daemon or for a slot, one that is STARTING for its task.",
  };
}

/** Its task is gone, and Dagster has not heard of it. */
export function lostTask(
  target: Target,
  { runId, status }: { readonly runId: string; readonly status: string },
): Cause {
  return {
    id: "canary-task-ended",
    what: `The task of the canary, ${showTarget(target)}, has ended, and its run ${runId} is still ${status}.`,
    fix: "Why the task ended stands in its reason, and in the last lines of its log. With `run_monitoring` in dagster.yaml Dagster itself finds such runs.",
  };
}
