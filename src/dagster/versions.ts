/**
 * The oldest minor version whose schema knows every document (test/fixtures/dagster/schemas): all that a gate asks, it has.
 * Nothing but the version of the lock file says what an image has; the webserver says its own.
 */
export const oldestWhole = "1.9";

/**
 * The oldest minor version whose schema the documents are held against: it knows all but those of {@link askedSince}. Of older ones
 * nobody has looked.
 */
export const oldestAsked = "1.7";

/**
 * The oldest minor version that runs can be pinned with: it has `task_definition_arn` in the container context of ECS.
 * Source: dagster_aws/ecs/container_context.py; 1.0.0 has it not, 1.0.17 does.
 */
export const oldestPinned = "1.1";

/**
 * Documents that not every version since {@link oldestAsked} knows, by name, with the first minor version all of whose releases do.
 * Source: the schemas in test/fixtures/dagster/schemas.
 */
export const askedSince: Readonly<Record<string, string>> = {
  WaitingRuns: "1.8",
  EndedRuns: "1.8",
  RunStories: "1.8",
  StopSchedule: "1.8",
  StopSensor: "1.8",
  AssetOfJob: "1.9",
  PartitionKeys: "1.9",
  PartitionRun: "1.9",
  Definitions: "1.9",
};

/** A number that orders versions by major and minor; null for what is no version. */
export function minorOf(version: string | null): number | null {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version ?? "") ?? [];
  return major === undefined ? null : Number(major) * 10_000 + Number(minor);
}

/** Is a version older than a minor one? What is no version is not. */
export function isOlder(version: string, than: string): boolean {
  const [one, other] = [minorOf(version), minorOf(than)];
  return one !== null && other !== null && one < other;
}
