import type { Task } from "@aws-sdk/client-ecs";
import { isAwsError } from "../../aws/error.ts";
import { type Run, runById } from "../../dagster/documents.ts";
import { showTarget } from "../../domain/canary.ts";
import type { Evidence } from "../../domain/evidence.ts";
import type { Attempt } from "../gate.ts";
import { failedRun, lostTask } from "./causes.ts";
import { proveRun, proveWritten } from "./prove.ts";
import { endOf, quoteEvents, quoteTask } from "./quote.ts";
import { describeTask } from "./reads.ts";
import { type Asking, type Followed, ofPartition, taskOf } from "./state.ts";

/** Statuses that a run does not leave. Source: `DagsterRunStatus`, dagster/_core/storage/dagster_run.py */
const finished = ["SUCCESS", "FAILURE", "CANCELED"];

/** A run that has not ended after so long is looked up in ECS, and again after each such time; milliseconds. */
const lookPause = 60_000;

/** So long Dagster may take to hear that the task of a run has ended; milliseconds. */
const noticePatience = 20_000;

/** Follows the run to its end, and proves it. @throws as the gate does */
export async function follow(asking: Asking, followed: Followed): Promise<Attempt> {
  const { dagster, context, expected, progress } = asking;
  const { id, partition } = followed;
  if (progress.proved === null) {
    const run = (await dagster.ask(runById, { runId: id })).runOrError;
    if (!("status" in run)) return { waiting: `run ${id}: ${run.__typename}` };
    if (!finished.includes(run.status)) return goingOn(asking, run);
    const seen = `run ${id} of ${showTarget(expected.target)}${ofPartition(partition)}: ${run.status}`;
    if (run.status !== "SUCCESS")
      return { seen, cause: failedRun(expected.target, run), evidence: await quote(asking, run) };
    const proof = await proveRun(asking, followed, taskOf(run), seen);
    if (proof.kind === "not") return proof.attempt;
    const { task, how } = proof;
    progress.proved = { task, how, since: context.clock.now(), lines: null, computeLogs: null };
  }
  return proveWritten(asking, id, progress.proved);
}

/** A run whose task has ended may stay STARTED for Dagster: nothing but run monitoring, or nobody, tells it. */
async function goingOn(asking: Asking, run: Run): Promise<Attempt> {
  const { clients, context, expected, progress } = asking;
  const now = context.clock.now();
  const task = taskOf(run);
  progress.lookedAt ??= now;
  const isDue =
    now >= (progress.endedSince ?? progress.lookedAt) + (progress.endedSince === null ? lookPause : noticePatience);
  if (task === null || !isDue) return { waiting: `run ${run.runId} is ${run.status}` };
  progress.lookedAt = now;
  const described = await lookUp(asking, task);
  if (described === null || endOf(described) === null) {
    progress.endedSince = null;
    return { waiting: `run ${run.runId} is ${run.status}` };
  }
  if (progress.endedSince === null) {
    progress.endedSince = now;
    return { waiting: `run ${run.runId} is ${run.status}, and its task has ended` };
  }
  const seen = `run ${run.runId} is ${run.status}, and its task has ended`;
  const evidence = await quoteTask(clients, described, expected.image, now);
  return { seen, cause: lostTask(expected.target, run), evidence };
}

/** Why a run failed: what Dagster heard of it, how its task ended, what that wrote last. */
async function quote({ dagster, clients, context, expected }: Asking, run: Run): Promise<readonly Evidence[]> {
  const now = context.clock.now();
  const events = await quoteEvents(dagster, run.runId, now);
  const taskArn = taskOf(run);
  const task = taskArn === null ? null : await lookUp({ clients, expected }, taskArn);
  return task === null ? events : [...events, ...(await quoteTask(clients, task, expected.image, now))];
}

/** null, too, when ECS does not answer: how the run ends, Dagster tells all the same. */
async function lookUp({ clients, expected }: Pick<Asking, "clients" | "expected">, task: string): Promise<Task | null> {
  try {
    return await describeTask(clients.ecs, expected.cluster, task);
  } catch (error) {
    if (isAwsError(error)) return null;
    throw error;
  }
}
