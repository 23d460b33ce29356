import { DescribeTasksCommand } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../aws/ecs.ts";
import type { Dagster } from "../dagster/client.ts";
import { launchRun, locations, type Run, runById, runEvents } from "../dagster/documents.ts";
import type { Context } from "../domain/context.ts";
import { type Evidence, untrusted } from "../domain/evidence.ts";
import { instant } from "../domain/identifiers.ts";
import type { Cause } from "../domain/verdict.ts";
import { type Attempt, askUntil, type GateResult } from "./gate.ts";

export interface CanaryExpectation {
  readonly location: string;
  readonly job: string;
  readonly cluster: string;
  /** Full reference of the image that its task must run. */
  readonly image: string;
  /** Tags of the run, so that people know where it comes from. */
  readonly tags: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
}

/** Statuses that a run does not leave. Source: `DagsterRunStatus`, dagster/_core/storage/dagster_run.py */
const finished = ["SUCCESS", "FAILURE", "CANCELED"];

/**
 * Launches a job as anybody would, and passes when its run has succeeded, as an ECS task that ran exactly this image.
 * @throws UserError as Dagster's client does
 */
export async function canaryGate(
  dagster: Dagster,
  ecs: EcsSend,
  context: Context,
  expected: CanaryExpectation,
): Promise<GateResult> {
  const { location, job, timeoutSeconds } = expected;
  const state: { runId: string | null; end: { readonly run: Run; readonly wrong: Cause | null } | null } = {
    runId: null,
    end: null,
  };
  const result = await askUntil(
    context,
    { gate: "canary", on: location, timeoutSeconds },
    async (): Promise<Attempt> => {
      if (state.runId === null) {
        const launched = await launch(dagster, expected);
        if ("waiting" in launched) return launched;
        state.runId = launched.runId;
        return { waiting: `run ${launched.runId} of ${job} is launched` };
      }
      const run = (await dagster.ask(runById, { runId: state.runId })).runOrError;
      if (!("status" in run)) return { waiting: `run ${state.runId}: ${run.__typename}` };
      if (!finished.includes(run.status)) return { waiting: `run ${run.runId} is ${run.status}` };
      state.end = { run, wrong: run.status === "SUCCESS" ? await judgeTask(ecs, run, expected) : failedRun(run, job) };
      return { seen: `run ${run.runId} of ${job}: ${run.status}`, since: context.clock.now() };
    },
    (waiting) => ({ cause: unfinished(expected, waiting), evidence: [] }),
  );
  const { end } = state;
  if (end === null || end.wrong === null) return result;
  return { ...result, cause: end.wrong, evidence: await quote(dagster, context, end.run), since: null };
}

async function launch(
  dagster: Dagster,
  { location, job, tags }: CanaryExpectation,
): Promise<{ readonly runId: string } | { readonly waiting: string }> {
  const { workspaceOrError: workspace } = await dagster.ask(locations);
  const entry =
    "locationEntries" in workspace ? workspace.locationEntries.find(({ name }) => name === location) : undefined;
  const loaded = entry?.locationOrLoadError;
  if (loaded?.__typename !== "RepositoryLocation") return { waiting: `location ${location} is not loaded` };
  const repository = loaded.repositories.find(({ jobs }) => jobs.some(({ name }) => name === job));
  if (repository === undefined) return { waiting: `location ${location} has no job ${job}` };
  const { launchRun: answer } = await dagster.ask(launchRun, {
    params: {
      selector: { repositoryLocationName: location, repositoryName: repository.name, jobName: job },
      runConfigData: {},
      executionMetadata: { tags: Object.entries(tags).map(([key, value]) => ({ key, value })) },
    },
  });
  if ("run" in answer) return { runId: answer.run.runId };
  const why = answer.errors?.map(({ message }) => message).join("; ") ?? answer.message ?? answer.__typename;
  return { waiting: `Dagster does not launch ${job}: ${why}` };
}

/** Which image ran is proved by ECS: the launcher tags the run with its task. Null: it is the one that was expected. */
async function judgeTask(ecs: EcsSend, run: Run, { cluster, image, job }: CanaryExpectation): Promise<Cause | null> {
  const task = run.tags.find(({ key }) => key === "ecs/task_arn")?.value;
  if (task === undefined) {
    return {
      id: "canary-not-a-task",
      what: `The run of ${job} succeeded, but not as a task of ECS: it says nothing about the released image.`,
      fix: "Let Dagster's EcsRunLauncher launch the runs, and give the job no executor of its own that starts elsewhere.",
    };
  }
  const { tasks = [] } = await ecs(new DescribeTasksCommand({ cluster, tasks: [task] }), { resource: `task ${task}` });
  const images = tasks[0]?.containers?.flatMap((container) => container.image ?? []) ?? [];
  if (images.includes(image)) return null;
  return {
    id: "canary-other-image",
    what: `The run of ${job} succeeded, but not on ${image}: its task ran ${images.join(", ") || "what ECS does not know any more"}.`,
    fix: "Something between Dagster and ECS chooses the task definition of runs: `task_definition` in dagster.yaml, or tags of the job.",
  };
}

function failedRun({ runId, status }: Run, job: string): Cause {
  return {
    id: "canary-failed",
    what: `The canary, job ${job}, ended with ${status} (run ${runId}).`,
    fix: "Its last events say why. The release is taken back: what ran before serves on.",
  };
}

function unfinished({ job, timeoutSeconds }: CanaryExpectation, waiting: string): Cause {
  return {
    id: "canary-unfinished",
    what: `The canary, job ${job}, has not succeeded after ${timeoutSeconds} s: ${waiting}.`,
    fix: "See the daemon's log and the run in Dagster: a run that stays QUEUED waits for the daemon or for a slot, one that is STARTING for its task.",
  };
}

async function quote(dagster: Dagster, context: Context, { runId }: Run): Promise<readonly Evidence[]> {
  const { logsForRun: log } = await dagster.ask(runEvents, { runId });
  if (!("events" in log)) return [];
  const telling = log.events.flatMap(({ message, level }) =>
    message !== undefined && (level === "ERROR" || level === "CRITICAL") ? [message] : [],
  );
  return telling.slice(-3).map((message) => ({
    kind: "graphql",
    at: instant(context.clock.now()),
    subject: `run ${runId}`,
    text: untrusted(message),
  }));
}
