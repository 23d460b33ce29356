/** What code can define that people know by name. Asset checks and resources have no state and no name of their own. */
export const definedKinds = ["schedule", "sensor", "asset", "job"] as const;
export type DefinedKind = (typeof definedKinds)[number];

/** Something that code defines. */
export interface Defined {
  readonly kind: DefinedKind;
  readonly repository: string;
  /** Of an asset its key, joined by `/`, as Dagster shows it. */
  readonly name: string;
  /** What it does, as far as that is compared; each by its name. */
  readonly members: Readonly<Record<string, string>>;
}

/** One repository of a code location, whoever tells of it: the code itself, or a webserver that serves it. */
export interface RepositoryContent {
  readonly name: string;
  readonly jobs: readonly string[];
  readonly schedules: readonly {
    readonly name: string;
    readonly job: string;
    readonly cron: string;
    readonly timezone: string;
  }[];
  /** `jobs`: none where it is aimed at nothing. */
  readonly sensors: readonly { readonly name: string; readonly type: string; readonly jobs: readonly string[] }[];
  readonly assets: readonly {
    readonly key: readonly string[];
    readonly group: string;
    readonly isMaterializable: boolean;
    readonly partitions: string | null;
  }[];
}

/** All of it in one list. What Dagster makes by itself, whose names begin with two underscores, is not anybody's definition. */
export function definedIn(repositories: readonly RepositoryContent[]): readonly Defined[] {
  return repositories.flatMap(({ name: repository, jobs, schedules, sensors, assets }): Defined[] => [
    ...schedules.map(({ name, job, cron, timezone }): Defined => {
      return { kind: "schedule", repository, name, members: { cron, timezone, job: target([job]) } };
    }),
    ...sensors.map(({ name, type, jobs: targets }): Defined => {
      return { kind: "sensor", repository, name, members: { type, jobs: target(targets) } };
    }),
    ...assets.map(({ key, group, isMaterializable, partitions }): Defined => {
      const members = {
        group,
        partitions: partitions ?? "none",
        made: isMaterializable ? madeHere : "elsewhere",
      };
      return { kind: "asset", repository, name: key.join("/"), members };
    }),
    ...jobs.filter(isNamed).map((name): Defined => ({ kind: "job", repository, name, members: {} })),
  ]);
}

/** Of the member `made` of an asset. */
export const madeHere = "here";

/** What is aimed at assets gets a job that Dagster names after it: that is no target to compare. */
function target(jobs: readonly string[]): string {
  if (jobs.length === 0) return "none";
  return jobs.filter(isNamed).sort().join(", ") || "assets";
}

function isNamed(job: string): boolean {
  return !job.startsWith("__");
}
