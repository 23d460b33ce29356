import { readFileSync } from "node:fs";
import * as z from "zod";
import { dependabot } from "./run.ts";

/** The pull request that a job is for. */
export interface PullRequest {
  /** `owner/name` of the repository that it would be merged into. */
  readonly repository: string;
  readonly number: number;
  /**
   * It comes from a fork, or from Dependabot: its jobs have no secrets, and a token that, unless the job of Dependabot asks for more, only reads.
   * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#pull_request
   */
  readonly isForeign: boolean;
  /**
   * The commit that it would be merged into, where actions/checkout gives that one and not what it brings: on `pull_request_target`.
   * null: what is checked out is its own.
   */
  readonly base: string | null;
}

const repository = z.object({ full_name: z.string().regex(/^[\w.-]+\/[\w.-]+$/) });
const eventSchema = z.object({
  pull_request: z.object({
    number: z.int().positive(),
    base: z.object({ repo: repository, sha: z.string().nullable().default(null) }),
    /** null: the fork is deleted. */
    head: z.object({ repo: repository.nullable() }),
  }),
});

/** What the runner says of the pull request; null when the job is for something else, or its event does not tell. */
export function pullRequestOf(variables: NodeJS.ProcessEnv): PullRequest | null {
  const { GITHUB_EVENT_NAME: name = "", GITHUB_EVENT_PATH: file, GITHUB_ACTOR: actor } = variables;
  if (!["pull_request", "pull_request_target"].includes(name) || file === undefined) return null;
  const event = eventSchema.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (!event.success) return null;
  const { number, base, head } = event.data.pull_request;
  const isFork = head.repo?.full_name !== base.repo.full_name;
  return {
    repository: base.repo.full_name,
    number,
    isForeign: isFork || actor === dependabot,
    base: name === "pull_request_target" ? (variables["GITHUB_SHA"] ?? base.sha) : null,
  };
}
