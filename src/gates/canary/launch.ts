import type { Dagster } from "../../dagster/client.ts";
import {
  type AssetKey,
  assetOfJob,
  type JobSelector,
  type LocationEntry,
  locations,
  partitionKeys,
  partitionRun,
} from "../../dagster/documents.ts";
import { hideSecrets } from "../../domain/redaction.ts";
import type { Cause } from "../../domain/verdict.ts";
import { missingTarget, otherPartitions, refused } from "./causes.ts";
import type { CanaryExpectation } from "./expectation.ts";

/** A thing that is there, or why not: for now, or for good. */
export type Found<T> =
  | { readonly kind: "found"; readonly value: T }
  | { readonly kind: "waiting"; readonly why: string }
  | { readonly kind: "never"; readonly cause: Cause };

/** What is launched: a job, or assets of one. */
export interface Launchable {
  readonly job: JobSelector;
  /** null: all that the job is. */
  readonly assets: readonly AssetKey[] | null;
}

/** What a launch says beside that. */
export interface RunSettings {
  /** A mapping, or YAML. */
  readonly config: Readonly<Record<string, unknown>> | string;
  readonly tags: readonly Tag[];
  /** null: the run has none. */
  readonly partition: string | null;
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}

type Repositories = Extract<LocationEntry["locationOrLoadError"], { __typename: "RepositoryLocation" }>["repositories"];

/** Looks for the target in its location, as it is loaded now. */
export async function findTarget(dagster: Dagster, expected: CanaryExpectation): Promise<Found<Launchable>> {
  const { location, target } = expected;
  const { workspaceOrError: workspace } = await dagster.ask(locations);
  const entry =
    "locationEntries" in workspace ? workspace.locationEntries.find(({ name }) => name === location) : undefined;
  const loaded = entry?.locationOrLoadError;
  if (loaded?.__typename !== "RepositoryLocation")
    return { kind: "waiting", why: `location ${location} is not loaded` };
  if (target.kind === "asset") return findAsset(dagster, expected, target.key, loaded.repositories);
  const [job] = jobsOf(expected, loaded.repositories, (name) => name === target.name);
  return job === undefined ? missing(expected) : { kind: "found", value: { job, assets: null } };
}

/** Dagster makes a job of all assets of a repository, `__ASSET_JOB`; before 1.9 several, `__ASSET_JOB_0` and so on. */
async function findAsset(
  dagster: Dagster,
  expected: CanaryExpectation,
  key: string,
  repositories: Repositories,
): Promise<Found<Launchable>> {
  const asset: AssetKey = { path: key.split("/") };
  for (const job of jobsOf(expected, repositories, (name) => name.startsWith("__ASSET_JOB"))) {
    const [node] = (await dagster.ask(assetOfJob, { job, asset })).assetNodes;
    if (node === undefined || !node.isMaterializable) continue;
    const isPartitioned = node.partitionDefinition !== null;
    if (isPartitioned !== (expected.partition.kind !== "none"))
      return { kind: "never", cause: otherPartitions(expected, isPartitioned) };
    return { kind: "found", value: { job, assets: [asset] } };
  }
  return missing(expected);
}

function jobsOf(
  { location }: CanaryExpectation,
  repositories: Repositories,
  isIt: (job: string) => boolean,
): readonly JobSelector[] {
  return repositories.flatMap((repository) =>
    repository.jobs.flatMap((job) =>
      isIt(job.name)
        ? [{ repositoryLocationName: location, repositoryName: repository.name, pipelineName: job.name }]
        : [],
    ),
  );
}

function missing(expected: CanaryExpectation): Found<never> {
  return { kind: "never", cause: missingTarget(expected) };
}

/** What the run is launched with: config of the stack file goes before that of the partition. */
export async function settingsOf(
  dagster: Dagster,
  expected: CanaryExpectation,
  { job, assets }: Launchable,
): Promise<Found<RunSettings>> {
  const { config } = expected;
  if (expected.partition.kind === "none")
    return { kind: "found", value: { config: config ?? {}, tags: [], partition: null } };
  const named = expected.partition.kind === "named" ? expected.partition.name : null;
  const limit = named === null ? 1 : null;
  const { pipelineOrError: known } = await dagster.ask(partitionKeys, { job, assets, limit });
  if (!("partitionKeysOrError" in known)) return { kind: "waiting", why: notThere(expected, known.__typename) };
  // Dagster itself would launch a run of a partition that an asset does not have.
  const partition = known.partitionKeysOrError.partitionKeys.findLast((key) => named === null || key === named);
  if (partition === undefined) return { kind: "never", cause: otherPartitions(expected, false) };
  const { pipelineOrError: answer } = await dagster.ask(partitionRun, { job, assets, partition });
  if (!("partition" in answer)) return { kind: "waiting", why: notThere(expected, answer.__typename) };
  if (answer.partition === null) return { kind: "never", cause: otherPartitions(expected, false) };
  const { runConfigOrError, tagsOrError } = answer.partition;
  if (!("yaml" in runConfigOrError)) return never(expected, partition, runConfigOrError);
  if (!("results" in tagsOrError)) return never(expected, partition, tagsOrError);
  return { kind: "found", value: { config: config ?? runConfigOrError.yaml, tags: tagsOrError.results, partition } };
}

/** The location was loaded a moment ago: it is being replaced. */
function notThere({ location }: CanaryExpectation, typename: string): string {
  return `the job in location ${location} cannot be asked for its partitions: ${typename}`;
}

function never(
  expected: CanaryExpectation,
  partition: string,
  error: { readonly __typename: string; readonly message?: string | undefined },
): Found<never> {
  return { kind: "never", cause: refused(expected, `partition ${partition}: ${wordsOf(error)}`) };
}

/** What Dagster says of an error, as part of a sentence. */
export function wordsOf({
  __typename,
  message,
}: {
  readonly __typename: string;
  readonly message?: string | undefined;
}): string {
  return message === undefined ? __typename : `${__typename}: ${hideSecrets(message.trim().replace(/\.$/, ""))}`;
}
