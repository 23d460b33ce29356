import { type Dagster, DagsterUnreachable } from "../../dagster/client.ts";
import { endedRuns } from "../../dagster/documents.ts";
import { UserError } from "../../domain/errors.ts";
import type { RecentRuns } from "./runs.ts";

/** So far back runs are counted. */
const daysBack = 30;
/** The newest of them; where there are more, days are counted back to the oldest of these. */
const mostRuns = 500;
const daySeconds = 86_400;

/** Runs that were launched lately and are over; null: Dagster does not tell. @param now milliseconds since 1970 */
export async function readRecentRuns(dagster: Dagster, now: number): Promise<RecentRuns | null> {
  const nowSeconds = now / 1000;
  const filter = { statuses: ["SUCCESS", "FAILURE", "CANCELED"], createdAfter: nowSeconds - daysBack * daySeconds };
  const answer = await dagster.ask(endedRuns, { filter, limit: mostRuns }).catch((error: unknown) => {
    if (error instanceof UserError || error instanceof DagsterUnreachable) return null;
    throw error;
  });
  if (answer === null || !("results" in answer.runsOrError)) return null;
  const { results } = answer.runsOrError;
  const oldest = results.at(-1)?.creationTime ?? 0;
  return {
    days: results.length < mostRuns ? daysBack : Math.max((nowSeconds - oldest) / daySeconds, 1 / 24),
    runs: results.flatMap(({ startTime, endTime, repositoryOrigin, tags }) => {
      // One that has never started has cost nothing.
      if (typeof startTime !== "number" || typeof endTime !== "number") return [];
      const tag = (key: string): string | null => tags.find((one) => one.key === key)?.value ?? null;
      return [
        {
          location: repositoryOrigin?.repositoryLocationName ?? null,
          seconds: Math.max(endTime - startTime, 0),
          cpu: tag("ecs/cpu"),
          memory: tag("ecs/memory"),
        },
      ];
    }),
  };
}
