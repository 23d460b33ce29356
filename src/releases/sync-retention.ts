import type { Bucket } from "../aws/bucket.ts";
import { planRetention, publishedVersions, removeVersions, type RetentionRequest } from "../dags/index.ts";
import { type Dagster, DagsterUnreachable } from "../dagster/client.ts";
import { locations, type WaitingRun, waitingRuns } from "../dagster/documents.ts";
import type { Context } from "../domain/context.ts";
import { dagsKeys, dagsPointerSchema, type DagsVersion } from "../domain/dags.ts";

/** Versions that were removed, or would be. */
export interface Retained {
  readonly removed: readonly DagsVersion[];
  /** Why none was looked for; null: they were. */
  readonly why: string | null;
}

/**
 * Removes versions that are older than what is to be kept, and that nothing names.
 * @param store at the location's prefix
 * @param dagster null: nobody can be asked which runs wait, and only the days count
 * @param writes false: it is only said which
 */
export async function retainVersions(
  store: Bucket,
  context: Context,
  dagster: Dagster | null,
  location: string,
  request: RetentionRequest & { readonly writes: boolean },
): Promise<Retained> {
  const pointer = await store.read(dagsKeys.pointer, dagsPointerSchema);
  if (pointer === null) return { removed: [], why: null };
  const asked = await namedByDagster(dagster, location);
  if (asked === null)
    return { removed: [], why: "Dagster could not be asked which runs wait, so no version was removed." };
  const now = context.clock.now();
  const removes = planRetention(
    {
      pointer: pointer.value,
      published: await publishedVersions(store),
      named: new Set(asked.named),
      oldestRunAt: asked.oldestRunAt,
    },
    request,
    now,
  );
  return { removed: request.writes ? await removeVersions(store, pointer, removes) : removes, why: null };
}

interface Named {
  readonly named: readonly string[];
  readonly oldestRunAt: number | null;
}

/** What a webserver has loaded, and since when runs wait. Null: it does not answer. */
async function namedByDagster(dagster: Dagster | null, location: string): Promise<Named | null> {
  if (dagster === null) return { named: [], oldestRunAt: null };
  try {
    const { workspaceOrError: workspace } = await dagster.ask(locations);
    if (!("locationEntries" in workspace)) return null;
    const entry = workspace.locationEntries.find(({ name }) => name === location);
    // In the server's id, or in its working directory.
    const named = JSON.stringify(entry ?? null).match(/\b[0-9a-f]{40}\b/g) ?? [];
    const oldestRunAt = await oldestRun(dagster, location);
    return oldestRunAt === "unknown" ? null : { named, oldestRunAt };
  } catch (error) {
    if (error instanceof DagsterUnreachable) return null;
    throw error;
  }
}

/** Milliseconds since 1970 at which the oldest run was made that is not over. */
async function oldestRun(dagster: Dagster, location: string): Promise<number | null | "unknown"> {
  let oldest: number | null = null;
  let cursor: string | null = null;
  for (let page = 0; page < mostPages; page += 1) {
    const runs: readonly WaitingRun[] | null = await pageOf(dagster, cursor);
    if (runs === null) return "unknown";
    for (const { repositoryOrigin, creationTime } of runs) {
      if (repositoryOrigin !== null && repositoryOrigin.repositoryLocationName !== location) continue;
      oldest = Math.min(oldest ?? Infinity, creationTime * 1000);
    }
    if (runs.length < pageSize) return oldest;
    cursor = runs.at(-1)?.runId ?? null;
  }
  return "unknown";
}

/** Newest first. Null: Dagster does not say. */
async function pageOf(dagster: Dagster, cursor: string | null): Promise<readonly WaitingRun[] | null> {
  const { runsOrError } = await dagster.ask(waitingRuns, { filter: { statuses }, cursor, limit: pageSize });
  return "results" in runsOrError ? runsOrError.results : null;
}

const statuses = ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"];
const pageSize = 500;
const mostPages = 40;
