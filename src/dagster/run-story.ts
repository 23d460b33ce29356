import * as z from "zod";
import type { Document } from "./client.ts";
import { type Unexpected, unexpected } from "./workspace.ts";

const told = z.object({
  runId: z.string(),
  jobName: z.string(),
  status: z.string(),
  /** Seconds since 1970; null: it never came so far. */
  creationTime: z.number(),
  startTime: z.number().nullish(),
  endTime: z.number().nullish(),
  tags: z.array(z.object({ key: z.string(), value: z.string() })),
  /** null: of a job that no location has any more. */
  repositoryOrigin: z.object({ repositoryLocationName: z.string(), repositoryName: z.string() }).nullable(),
});
/** A run with what it was of, when it was, and in which task. */
export type ToldRun = z.infer<typeof told>;

/** Runs that a filter (`RunsFilter`) lets through, newest first. */
export const runStories: Document<{
  readonly runsOrError: { readonly __typename: "Runs"; readonly results: readonly ToldRun[] } | Unexpected;
}> = {
  name: "RunStories",
  text: `query RunStories($filter: RunsFilter!, $limit: Int!) {
  runsOrError(filter: $filter, limit: $limit) {
    __typename
    ... on Runs {
      results {
        runId jobName status creationTime startTime endTime
        tags { key value }
        repositoryOrigin { repositoryLocationName repositoryName }
      }
    }
    ... on InvalidPipelineRunsFilterError { message }
    ... on PythonError { message }
  }
}`,
  answer: z.object({
    runsOrError: z.union([z.object({ __typename: z.literal("Runs"), results: z.array(told) }), unexpected]),
  }),
};

/** The task that the launcher has started for a run, by its ARN; null: it lives in another process. */
export function taskOfRun({ tags }: Pick<ToldRun, "tags">): string | null {
  return tags.find(({ key }) => key === "ecs/task_arn")?.value ?? null;
}
