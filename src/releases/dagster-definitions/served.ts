import { type Dagster, DagsterUnreachable } from "../../dagster/client.ts";
import { type DefinitionsEntry, lastMaterializations, servedDefinitions } from "../../dagster/definitions.ts";
import { UserError } from "../../domain/errors.ts";
import type { RepositoryContent } from "./defined.ts";

/** What a webserver says of one location. */
export type Served =
  | { readonly kind: "served"; readonly repositories: readonly RepositoryContent[] }
  /** `why`: a sentence. */
  | { readonly kind: "not-served"; readonly why: string };

/** What every location serves now, by its name; a text says why nobody knows. */
export async function readServed(dagster: Dagster): Promise<ReadonlyMap<string, Served> | string> {
  return orWhy(async () => {
    const { workspaceOrError: workspace } = await dagster.ask(servedDefinitions);
    if (!("locationEntries" in workspace)) return `The webserver has no workspace (${workspace.__typename}).`;
    return new Map(workspace.locationEntries.map((entry) => [entry.name, servedBy(entry)]));
  });
}

/** When each of some assets was last materialized, in milliseconds since 1970, by its key joined by `/`; null: never. What is not known is left out. */
export async function readMaterializations(
  dagster: Pick<Dagster, "ask">,
  assets: readonly string[],
): Promise<ReadonlyMap<string, number | null>> {
  const known = new Map<string, number | null>();
  for (let from = 0; from < assets.length; from += pageSize) {
    const asked = assets.slice(from, from + pageSize).map((key) => ({ path: key.split("/") }));
    const answer = await orWhy(() => dagster.ask(lastMaterializations, { assets: asked }));
    if (typeof answer === "string") break;
    for (const { assetKey, assetMaterializations } of answer.assetNodes) {
      const [last] = assetMaterializations;
      known.set(assetKey.path.join("/"), last === undefined ? null : Number(last.timestamp));
    }
  }
  return known;
}

/** So many assets are asked for at once. */
const pageSize = 200;

/** A plan goes on where Dagster has nothing to say. */
async function orWhy<T>(ask: () => Promise<T | string>): Promise<T | string> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof UserError) return error.what;
    if (error instanceof DagsterUnreachable) return `Dagster does not answer: ${error.message}.`;
    throw error;
  }
}

function servedBy({ loadStatus, locationOrLoadError: loaded }: DefinitionsEntry): Served {
  if (loaded === null || loadStatus !== "LOADED") return { kind: "not-served", why: "It is loading now." };
  if (loaded.__typename === "PythonError") return { kind: "not-served", why: "What is released of it does not load." };
  return {
    kind: "served",
    repositories: loaded.repositories.map(({ name, jobs, schedules, sensors, assetNodes }) => ({
      name,
      jobs: jobs.map((job) => job.name),
      schedules: schedules.map((one) => {
        return {
          name: one.name,
          job: one.pipelineName,
          cron: one.cronSchedule,
          timezone: one.executionTimezone ?? "UTC",
        };
      }),
      sensors: sensors.map((one) => {
        return {
          name: one.name,
          type: one.sensorType,
          jobs: (one.targets ?? []).map(({ pipelineName }) => pipelineName),
        };
      }),
      assets: assetNodes.map(({ assetKey, groupName, isMaterializable, partitionDefinition }) => ({
        key: assetKey.path,
        group: groupName ?? "default",
        isMaterializable,
        partitions: partitionDefinition?.description.slice(0, longestPartitions) ?? null,
      })),
    })),
  };
}

/** As `definitions/describe.py` cuts it, in characters. */
const longestPartitions = 1000;
