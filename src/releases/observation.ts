import type { Stored } from "../aws/bucket.ts";
import type { DagsChanges } from "../dags/compare.ts";
import type { DagsList } from "../domain/dags-list.ts";
import type { DagsBefore, DagsPointer, DagsVersion } from "../domain/dags.ts";
import type { Finding } from "../domain/finding.ts";
import type { Digest, ReleaseId } from "../domain/identifiers.ts";
import type { Instigators, Jobs } from "../domain/instigators.ts";
import type { Before } from "../domain/journal.ts";
import { type DagsPart, type ImagePart, keptName, type Release, type Source } from "../domain/release.ts";
import type { ServiceObservation } from "../deployments/service.ts";
import { type Revision, sameRevision, showRevision } from "../domain/verdict.ts";
import type { Service, Stack } from "../stack/stack.ts";
import type { Tree } from "../stack/tree.ts";
import type { ImagePlan } from "../images/plan.ts";
import type { Hold } from "../images/protect.ts";
import type { Scripts } from "../migrations/read-scripts.ts";
import type { SqlPreview } from "../migrations/sql.ts";
import type { Definition } from "../task-definitions/definition.ts";
import type { EnvironmentFileContent, ExistingDefinition } from "../task-definitions/existing.ts";
import type { ComparedDefinitions } from "./dagster-definitions/compared.ts";
import type { ParameterNames } from "./definitions.ts";

/** What runs now, and what is there to build on: read, never remembered. */
export interface Observation {
  /** The commit that is checked out. */
  readonly source: Source;
  /** Who releases to the stack now, beside us; null: nobody. */
  readonly releasing: string | null;
  /** The committed release; null before the first. */
  readonly current: Release | null;
  /** How long each service took when a release last replaced it, by its key, in seconds. */
  readonly rolledIn: Readonly<Record<string, number>>;
  /**
   * By the key of the service in the stack file; null when the cluster has none of that name. What it replaces is under
   * {@link replacedKey}, while it exists; what else unfinished releases have found is under the key that it had, or else
   * {@link renamedKey}.
   */
  readonly services: Readonly<Record<string, ServiceObservation | null>>;
  /** What each of them is to be again, should this fail: as it is now, or as it was before an unfinished release. By key. */
  readonly before: Readonly<Record<string, Before>>;
  /** By definition: `service/<key>`, `run/<location>`, `once/<image>`. */
  readonly definitions: Readonly<Record<string, KnownDefinition>>;
  /** By the key of the image; those that services keep in a release that is promoted, by {@link keptName}. */
  readonly images: Readonly<Record<string, ImagePlan>>;
  /** What services run by a tag, of those that no release has rolled, and of those that these replace. */
  readonly tagged: readonly TaggedImage[];
  /** What each service runs by the current release, as long as the registry has it: images that it may keep. By key. */
  readonly keepable: Readonly<Record<string, ImagePart>>;
  readonly parameters: ParameterNames;
  /** Those that somebody else has written, by definition: files of the checkout, or what services run. */
  readonly existing: Readonly<Record<string, ExistingDefinition>>;
  /** null: the stack has none, or it is not read, as for a rollback. */
  readonly environmentFile: EnvironmentFileContent | null;
  /** The user's own dagster.yaml, with the names of files beside it that look like further ones; null: there is none, or it is not read. */
  readonly instanceFile: { readonly tree: Tree | null; readonly others: readonly string[] } | null;
  /** Modules of code locations that the checkout does not have, by the key of the service, with the one that was probably meant. */
  readonly missingModules: Readonly<Record<string, { readonly module: string; readonly near: string | null }>>;
  /** Where the images come from, when they are not made here. */
  readonly promoted: Promoted | null;
  /** Alembic's revisions in the checkout, by the name of the migration. */
  readonly scripts: Readonly<Record<string, Scripts>>;
  /** What their SQL would be, by the name of the migration: only for a plan that is looked at, and where it is asked for. */
  readonly sql: Readonly<Record<string, SqlPreview>>;
  /** What new code changes among the definitions of each location: only for a plan that is looked at, and where it is asked for. */
  readonly dagsterDefinitions: Readonly<Record<string, ComparedDefinitions>>;
  readonly instigators: NotedInstigators;
  /** The list of locations that webserver and daemon load by; null: there is none; absent: they need none. */
  readonly list?: Stored<DagsList> | null;
  /** Code that lies in S3, by location. */
  readonly dags: Readonly<Record<string, LocationDags>>;
}

/** What readers of a location have, and what they are to have. */
export interface LocationDags extends Pick<DagsPart, "prefix" | "releasedBy"> {
  /** null: nothing was ever served. */
  readonly pointer: Stored<DagsPointer> | null;
  /** What they are to have again, should this fail: what they have now, or had before an unfinished release. null: nothing. */
  readonly before: DagsBefore | null;
  /** null: it stays as it is. */
  readonly wanted: {
    readonly version: DagsVersion;
    /** null: it was published, and is gone. */
    readonly source: Source | null;
    readonly publishes: boolean;
    /** The environment that it is copied from; left out: it is of the checkout, or was published here before. */
    readonly copiedFrom?: string;
    /** Of its files, against what is served. */
    readonly changes: DagsChanges;
    readonly findings: readonly Finding[];
  } | null;
  /** Its plain files, wherever some are kept; left out: nowhere, or nothing is wanted of them. */
  readonly plain?: readonly PlainDags[];
  /** SHA-256 of the lock file that its code was written against; null: not known. */
  readonly lock: string | null;
}

/** Plain files of a location, and what brings them to the version that is wanted. */
export interface PlainDags {
  /** Key prefix in the bucket. */
  readonly prefix: string;
  /** They are of the wanted version, and whole. */
  readonly isServed: boolean;
  readonly findings: readonly Finding[];
}

/** Locations that an unfinished release has switched. */
export function switchedEarlier({ dags }: Pick<Observation, "dags">): readonly string[] {
  return Object.entries(dags).flatMap(([location, { pointer, before, releasedBy }]) =>
    releasedBy === "stack" && pointer !== null && pointer.value.version !== before?.version ? [location] : [],
  );
}

/** An image of the stack's registry that a container runs by a tag. */
export interface TaggedImage {
  /** Key of the service, or of what it replaces. */
  readonly service: string;
  readonly container: string;
  /** As its definition has it. */
  readonly reference: string;
  readonly repository: string;
  /** What runs, more than one where tasks differ; empty: it is not known. `foreign`: its repository is none of the stack's. */
  readonly runs: readonly { readonly digest: Digest; readonly hold: Hold | "foreign" }[];
}

/** Schedules and sensors, as they are now, or as they were before an unfinished release. */
export interface NotedInstigators {
  /** By location; null: nobody could be asked, now or then. */
  readonly locations: Instigators | null;
  /** How many jobs each location has, or had then; null alike. */
  readonly jobs: Jobs | null;
  /** Cron texts of the schedules that are on now; absent: nobody could be asked. */
  readonly due?: readonly DueSchedule[];
  /** Why something of them is not known, for people; null: it is, or there is nobody to ask. */
  readonly unknown: string | null;
}

/** A schedule that is on. */
export interface DueSchedule {
  readonly location: string;
  readonly name: string;
  /** As Dagster has it. */
  readonly cron: string;
}

/** A release of another environment, whose images are released to this one. */
export interface Promoted {
  readonly environment: string;
  readonly release: Release;
  /** Releases of that environment that were begun and have not come to their end. */
  readonly unfinished: readonly ReleaseId[];
}

export interface KnownDefinition {
  /** What the service runs; null for definitions that no service runs, and before the first. */
  readonly running: Definition | null;
  /** What the service ran before an unfinished release; null when it runs it still. */
  readonly former: Definition | null;
  /** What the current release pins, when somebody has deployed another one; null when the service runs it. */
  readonly released: Definition | null;
  /** Newest ACTIVE revision of the family. */
  readonly newest: Definition | null;
}

/** The image that a service is to run, unless it keeps the one that it runs here. */
export function imageFor(
  { images }: Pick<Observation, "images">,
  { key, image }: Pick<Service, "key" | "image">,
): ImagePlan | undefined {
  return images[keptName(key)] ?? images[image];
}

/** Every revision of a definition that is known, those that a service runs or should run first. */
export function knownRevisions(known: KnownDefinition | undefined): readonly Definition[] {
  if (known === undefined) return [];
  const { running, former, newest, released } = known;
  return [running, former, newest, released].filter((revision) => revision !== null);
}

/** What a new revision of a definition is compared with: what its service runs, what the current release names, or else the newest. */
export function comparedRevision({ running, released, newest }: KnownDefinition): Definition | null {
  return running ?? released ?? newest;
}

/** The key of what a service replaces. No service of a stack file can be called so. */
export function replacedKey(key: string): string {
  return `${replacedPrefix}${key}`;
}

/** The key of the service that replaces what has this key; null for services of the stack. */
export function successorOf(key: string): string | null {
  return key.startsWith(replacedPrefix) ? key.slice(replacedPrefix.length) : null;
}

const replacedPrefix = "replaced/";

/** The key of a service that an unfinished release has found under a key which the stack file gives to another one now. */
export function renamedKey(name: string): string {
  return `${renamedPrefix}${name}`;
}

const renamedPrefix = "renamed/";

/** Is it a key of {@link renamedKey}? */
export function isRenamed(key: string): boolean {
  return key.startsWith(renamedPrefix);
}

/** What people know a service by: its key, or ECS's name of one that the stack file has no key for. */
export function shownName(key: string, name: string): string {
  return successorOf(key) === null && !isRenamed(key) ? key : name;
}

/** A service that an unfinished release has moved. */
export interface MovedService {
  readonly key: string;
  /** null: it is not of the stack. */
  readonly service: Service | null;
  readonly now: ServiceObservation;
  readonly former: Before;
}

/** All that runs something else than before, what was replaced last. */
export function movedOf(
  { services: known }: Pick<Stack, "services">,
  { services, before }: Pick<Observation, "services" | "before">,
): readonly MovedService[] {
  const moved = Object.entries(services).flatMap(([key, now]): MovedService[] => {
    const [service, former] = [known[key] ?? null, before[key]];
    return now !== null && former !== undefined && hasMoved(service, now, former)
      ? [{ key, service, now, former }]
      : [];
  });
  const isReplaced = ({ key }: MovedService): boolean => successorOf(key) !== null;
  return [...moved.filter((one) => !isReplaced(one)), ...moved.filter(isReplaced)];
}

/**
 * Does a service run something else than before? A count that something else sets is not looked at, unless it is 0: we did that.
 * @param service null for one that is not of the stack
 */
function hasMoved(
  service: Service | null,
  { revision, desiredCount }: Pick<ServiceObservation, "revision" | "desiredCount">,
  before: Before,
): boolean {
  if (!sameRevision(revision, before.taskDefinition)) return true;
  if (service !== null && isScaled(service) && desiredCount > 0 && before.desiredCount > 0) return false;
  return desiredCount !== before.desiredCount;
}

/** Does something else set its count? Then that may change for good reason at any time. */
export function isScaled(service: Service): boolean {
  return service.kind === "webserver" && service.scaling !== null;
}

/** What people know an observed service by. @param key of it */
export function nameIn({ services }: Pick<Observation, "services">, key: string): string {
  return shownName(key, services[key]?.name ?? key);
}

/** What a service runs, for people: `family:revision`, or `nothing`. */
export function showRunning(revision: Revision | null, desiredCount: number): string {
  return revision === null || desiredCount === 0 ? "nothing" : showRevision(revision);
}

/** Does what a service replaces run still, or is it to? */
export function isReplacedRunning({ key }: Pick<Service, "key">, { services }: Pick<Observation, "services">): boolean {
  const replaced = services[replacedKey(key)] ?? null;
  return replaced !== null && replaced.desiredCount + replaced.runningCount + replaced.pendingCount > 0;
}

/** Does a webserver run that can be asked? */
export function isAskable({ services }: Pick<Stack, "services">, now: Pick<Observation, "services">): boolean {
  return Object.values(services).some(({ kind, key }) => {
    return kind === "webserver" && (now.services[key]?.runningCount ?? 0) > 0;
  });
}
