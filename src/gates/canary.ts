import { DescribeTasksCommand } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../aws/ecs.ts";
import { type Dagster, DagsterUnreachable } from "../dagster/client.ts";
import { launchRun, locations, newestRun, type Run, runById, runEvents } from "../dagster/documents.ts";
import type { Context } from "../domain/context.ts";
import { type Evidence, untrusted } from "../domain/evidence.ts";
import { instant } from "../domain/identifiers.ts";
import { hideSecrets } from "../domain/redaction.ts";
import type { Cause } from "../domain/verdict.ts";
import { type Attempt, askUntil, type GateResult } from "./gate.ts";
import { tracebackTail } from "./judge.ts";

export interface CanaryExpectation {
  readonly location: string;
  readonly job: string;
  readonly cluster: string;
  /** Full reference of the image that its task must run. */
  readonly image: string;
  /** Tags of the run, so that people know where it comes from, and we know ours again: no other release has the same. */
  readonly tags: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
}

/** Statuses that a run does not leave. Source: `DagsterRunStatus`, dagster/_core/storage/dagster_run.py */
const finished = ["SUCCESS", "FAILURE", "CANCELED"];

/** So long a run whose launch was not answered may take to appear, before it is launched again; milliseconds. */
const lostPatience = 20_000;

/** So long ECS may not know the task of a run that has just succeeded: its answers are consistent in the end only; milliseconds. */
const taskPatience = 60_000;

/** What a gate has come to know. */
interface Progress {
  /** The run that is followed. */
  run: { readonly id: string; readonly origin: "launched" | "found" } | null;
  /** Of an earlier attempt that is over. */
  passedOver: string | null;
  /** When a launch was not answered, and when ECS first did not know the run's task; milliseconds since 1970. */
  lostSince: number | null;
  unknownSince: number | null;
}

/**
 * Launches a job as anybody would, and passes when its run has succeeded, as an ECS task that ran exactly this image. A run of the
 * same release that was launched before is followed. What time does not mend is final at once.
 * @throws UserError as Dagster's client does
 */
export function canaryGate(
  dagster: Dagster,
  ecs: EcsSend,
  context: Context,
  expected: CanaryExpectation,
): Promise<GateResult> {
  const { location, timeoutSeconds } = expected;
  const progress: Progress = { run: null, passedOver: null, lostSince: null, unknownSince: null };
  return askUntil(
    context,
    { gate: "canary", on: location, timeoutSeconds },
    () =>
      progress.run === null
        ? begin(dagster, context, expected, progress)
        : follow({ dagster, ecs, context }, expected, progress, progress.run),
    (waiting) => ({ cause: unfinished(expected, progress, waiting), evidence: [] }),
  );
}

async function begin(
  dagster: Dagster,
  { clock }: Context,
  expected: CanaryExpectation,
  progress: Progress,
): Promise<Attempt> {
  const { location, job } = expected;
  const { workspaceOrError: workspace } = await dagster.ask(locations);
  const entry =
    "locationEntries" in workspace ? workspace.locationEntries.find(({ name }) => name === location) : undefined;
  const loaded = entry?.locationOrLoadError;
  if (loaded?.__typename !== "RepositoryLocation") return { waiting: `location ${location} is not loaded` };
  const repository = loaded.repositories.find(({ jobs }) => jobs.some(({ name }) => name === job));
  if (repository === undefined) return final(missingJob(expected));

  const { runsOrError: known } = await dagster.ask(newestRun, {
    filter: { pipelineName: job, tags: tagsOf(expected) },
  });
  if (!("results" in known)) return { waiting: `the runs of ${job} cannot be listed: ${known.__typename}` };
  const [found] = known.results;
  if (found !== undefined && found.runId !== progress.passedOver) {
    const isOfEarlierAttempt = progress.lostSince === null && ["FAILURE", "CANCELED"].includes(found.status);
    if (!isOfEarlierAttempt) {
      progress.run = { id: found.runId, origin: progress.lostSince === null ? "found" : "launched" };
      return { waiting: `run ${found.runId} of ${job} was launched before` };
    }
    progress.passedOver = found.runId;
  }
  if (progress.lostSince !== null && clock.now() < progress.lostSince + lostPatience) {
    return { waiting: `the launch of ${job} was not answered: looking for its run` };
  }

  const selector = { repositoryLocationName: location, repositoryName: repository.name, jobName: job };
  const params = { selector, runConfigData: {}, executionMetadata: { tags: tagsOf(expected) } };
  const { launchRun: answer } = await dagster.ask(launchRun, { params }).catch((error: unknown) => {
    if (error instanceof DagsterUnreachable) progress.lostSince = clock.now();
    throw error;
  });
  if ("run" in answer) {
    progress.run = { id: answer.run.runId, origin: "launched" };
    return { waiting: `run ${answer.run.runId} of ${job} is launched` };
  }
  const words = answer.errors?.map(({ message }) => message).join("; ") ?? answer.message;
  const why =
    words === undefined ? answer.__typename : `${answer.__typename}: ${hideSecrets(words.trim().replace(/\.$/, ""))}`;
  // The code server went away between two questions: the location is not loaded in a moment, or is there again.
  if (answer.className === "DagsterUserCodeUnreachableError") return { waiting: `${job} is not launched: ${why}` };
  return final(refused(expected, why));
}

async function follow(
  { dagster, ecs, context }: { readonly dagster: Dagster; readonly ecs: EcsSend; readonly context: Context },
  expected: CanaryExpectation,
  progress: Progress,
  { id, origin }: NonNullable<Progress["run"]>,
): Promise<Attempt> {
  const now = context.clock.now();
  const run = (await dagster.ask(runById, { runId: id })).runOrError;
  if (!("status" in run)) return { waiting: `run ${id}: ${run.__typename}` };
  if (!finished.includes(run.status)) return { waiting: `run ${id} is ${run.status}` };
  const seen = `run ${id} of ${expected.job}: ${run.status}`;
  if (run.status !== "SUCCESS") {
    return { seen, cause: failedRun(run, expected.job), evidence: await quote(dagster, context, run) };
  }
  const task = run.tags.find(({ key }) => key === "ecs/task_arn")?.value; // the launcher tags the run with its task
  if (task === undefined) return { seen, cause: notATask(expected.job), evidence: [] };
  const images = await imagesOf(ecs, expected.cluster, task);
  if (images.includes(expected.image)) return { seen, since: now };
  if (images.length > 0) return { seen, cause: otherImage(expected, images), evidence: [] };
  progress.unknownSince ??= now;
  if (now < progress.unknownSince + taskPatience) return { waiting: `${seen}, and ECS does not tell of its task` };
  if (origin === "launched") return { seen, cause: unknownTask(expected, task), evidence: [] };
  // Of an earlier attempt, too long ago to be proved.
  progress.run = null;
  progress.passedOver = id;
  progress.unknownSince = null;
  return { waiting: `${seen}, too long ago to know its image` };
}

function final(cause: Cause): Attempt {
  return { seen: cause.what, cause, evidence: [] };
}

/** Two locations of one release may have a job of the same name. */
function tagsOf({ tags, location }: CanaryExpectation): readonly { readonly key: string; readonly value: string }[] {
  return Object.entries({ ...tags, "dagster-ecs/canary": location }).map(([key, value]) => ({ key, value }));
}

/** Which image ran is proved by ECS. Empty: it does not know the task, not yet or not any more. */
async function imagesOf(ecs: EcsSend, cluster: string, task: string): Promise<readonly string[]> {
  const { tasks = [] } = await ecs(new DescribeTasksCommand({ cluster, tasks: [task] }), { resource: `task ${task}` });
  return tasks[0]?.containers?.flatMap(({ image }) => image ?? []) ?? [];
}

function missingJob({ job, location }: CanaryExpectation): Cause {
  return {
    id: "canary-missing-job",
    what: `Code location ${location} is loaded, and has no job ${job}.`,
    fix: "Name a job that it has under `gates: canary` in the stack file, or add this one to its definitions.",
  };
}

function refused({ job }: CanaryExpectation, why: string): Cause {
  return {
    id: "canary-refused",
    what: `Dagster does not launch the canary, job ${job}: ${why}.`,
    fix: "The canary is launched without run config: give the job defaults for all that it needs, and let whoever releases launch runs.",
  };
}

function notATask(job: string): Cause {
  return {
    id: "canary-not-a-task",
    what: `The run of ${job} succeeded, but not as a task of ECS: it says nothing about the released image.`,
    fix: "Let Dagster's EcsRunLauncher launch the runs, and give the job no executor of its own that starts elsewhere.",
  };
}

function otherImage({ job, image }: CanaryExpectation, images: readonly string[]): Cause {
  return {
    id: "canary-other-image",
    what: `The run of ${job} succeeded, but not on ${image}: its task ran ${images.join(", ")}.`,
    fix: "Something between Dagster and ECS chooses the task definition of runs: `task_definition` in dagster.yaml, or tags of the job.",
  };
}

function unknownTask({ job, cluster }: CanaryExpectation, task: string): Cause {
  return {
    id: "canary-unknown-task",
    what: `The run of ${job} succeeded, but cluster ${cluster} does not know its task ${task}: which image ran is not proved.`,
    fix: "Let the run launcher start runs in the cluster of the contract; `ecs:DescribeTasks` must be allowed there.",
  };
}

function failedRun({ runId, status }: Run, job: string): Cause {
  return {
    id: "canary-failed",
    what: `The canary, job ${job}, ended with ${status} (run ${runId}).`,
    fix: "Its last events say why.",
  };
}

function unfinished({ job, timeoutSeconds }: CanaryExpectation, { run, lostSince }: Progress, waiting: string): Cause {
  const left =
    run !== null
      ? ` Run ${run.id} was not ended, and may go on.`
      : lostSince !== null
        ? " Its launch was not answered: a run may go on."
        : "";
  return {
    id: "canary-unfinished",
    what: `The canary, job ${job}, has not succeeded after ${timeoutSeconds} s: ${waiting}.${left}`,
    fix: "See the daemon's log and the run in Dagster: a run that stays QUEUED waits for the daemon or for a slot, one that is STARTING for its task.",
  };
}

/** The last errors of a run, each with the end of its traceback, which the run has from its step; without any, its last messages. */
async function quote(dagster: Dagster, context: Context, { runId }: Run): Promise<readonly Evidence[]> {
  const { logsForRun: log } = await dagster.ask(runEvents, { runId });
  if (!("events" in log)) return [];
  const telling = log.events
    .filter(({ level }) => level === "ERROR" || level === "CRITICAL")
    .map(({ message = "", error }) => ({ message, traceback: error ? tracebackTail(error) : "" }));
  const raised = telling.filter(
    ({ traceback }, at) => traceback !== "" && telling.findIndex((other) => other.traceback === traceback) === at,
  );
  return (raised.length > 0 ? raised : telling).slice(-3).map(({ message, traceback }) => ({
    kind: "graphql",
    at: instant(context.clock.now()),
    subject: `run ${runId}`,
    text: untrusted([message, traceback].filter((part) => part !== "").join("\n")),
  }));
}
