import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { UserError } from "../domain/errors.ts";
import type { Owner } from "../domain/journal.ts";

/** The workflow run that this step belongs to. */
export interface WorkflowRun {
  readonly id: number;
  /** `owner/name` */
  readonly repository: string;
  readonly workspace: string;
  readonly owner: Owner;
  readonly event: string;
  /** Whose deed it is; null: the runner does not say. */
  readonly actor: string | null;
  readonly url: string | null;
  /** Folder that goes with the job. */
  readonly temporaryFolder: string;
  /** Folder that stays with the machine. */
  readonly keptFolder: string;
}

const environment = z.object({
  GITHUB_REPOSITORY: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
  GITHUB_WORKSPACE: z.string().min(1),
  GITHUB_RUN_ID: z.string().regex(/^\d+$/),
  GITHUB_RUN_ATTEMPT: z.string().regex(/^\d+$/).default("1"),
  GITHUB_JOB: z.string().min(1),
  GITHUB_EVENT_NAME: z.string().min(1),
  GITHUB_ACTOR: z.string().min(1).optional(),
  GITHUB_SERVER_URL: z.string().default("https://github.com"),
  RUNNER_TEMP: z.string().min(1),
  RUNNER_TOOL_CACHE: z.string().min(1).optional(),
});

/**
 * Reads what the runner sets for every step.
 * @throws UserError when this does not run on a runner.
 */
export function workflowRun(variables: NodeJS.ProcessEnv): WorkflowRun {
  const result = environment.safeParse(variables);
  if (!result.success) {
    throw new UserError({
      what: `This is not a step of a workflow: ${result.error.issues.map(({ path }) => path.map(String).join(".")).join(", ")} missing.`,
      fix: "Run it as a step of a GitHub Actions job.",
    });
  }
  const run = result.data;
  const url = `${run.GITHUB_SERVER_URL}/${run.GITHUB_REPOSITORY}/actions/runs/${run.GITHUB_RUN_ID}`;
  const id = Number(run.GITHUB_RUN_ID);
  return {
    id,
    repository: run.GITHUB_REPOSITORY,
    workspace: run.GITHUB_WORKSPACE,
    owner: {
      name: `${run.GITHUB_REPOSITORY}/run/${run.GITHUB_RUN_ID}/job/${run.GITHUB_JOB}`,
      attempt: Number(run.GITHUB_RUN_ATTEMPT),
      job: markOf(run.RUNNER_TEMP),
      url,
      run: { repository: run.GITHUB_REPOSITORY, id },
    },
    event: run.GITHUB_EVENT_NAME,
    actor: run.GITHUB_ACTOR ?? null,
    url,
    temporaryFolder: run.RUNNER_TEMP,
    keptFolder: join(run.RUNNER_TOOL_CACHE ?? run.RUNNER_TEMP, "dagster-ecs"),
  };
}

/**
 * What all steps of one job share, and no other job has: every leg of a matrix has the same GITHUB_JOB. The runner empties this folder
 * before a job begins.
 * @throws UserError when the folder cannot be written to
 */
function markOf(temporaryFolder: string): string {
  const file = join(temporaryFolder, "dagster-ecs-job");
  try {
    writeFileSync(file, randomUUID(), { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw new UserError(
        {
          what: `The folder for temporary files cannot be written to: ${(error as Error).message}.`,
          where: "RUNNER_TEMP",
          fix: "Give the runner's user the right to write there.",
        },
        { cause: error },
      );
    }
  }
  return readFileSync(file, "utf8");
}

/** Why files of the checkout are not to be run in this job, as a sentence; null: they may be. */
export function whyNotRun({ event, actor }: Pick<WorkflowRun, "event" | "actor">): string | null {
  if (actor === dependabot)
    return "Code of the checkout is not run for Dependabot: what it brings nobody has read yet.";
  if (ownEvents.includes(event)) return null;
  return `Code of the checkout is not run on ${event}: it may be of somebody who may not do what this job may.`;
}

/** @see https://docs.github.com/en/code-security/dependabot/working-with-dependabot/automating-dependabot-with-github-actions */
export const dependabot = "dependabot[bot]";

/**
 * Events whose workflow and code are of one commit: whoever wrote the code could have written the workflow. With others, as
 * `pull_request_target`, the workflow is the default branch's, with its secrets, and the checkout may be anybody's.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
 */
const ownEvents: readonly string[] = [
  "merge_group",
  "pull_request",
  "push",
  "release",
  "schedule",
  "workflow_dispatch",
];
