import type { ReleaseId } from "../domain/identifiers.ts";
import type { Before } from "../domain/journal.ts";
import type { ImagePart, Release, Source } from "../domain/release.ts";
import type { ServiceObservation } from "../deployments/service.ts";
import { type Revision, sameRevision, showRevision } from "../domain/verdict.ts";
import type { Service } from "../stack/stack.ts";
import type { ImagePlan } from "../images/plan.ts";
import type { Scripts } from "../migrations/read-scripts.ts";
import type { Definition } from "../task-definitions/definition.ts";
import type { ParameterNames } from "./definitions.ts";

/** What runs now, and what is there to build on: read, never remembered. */
export interface Observation {
  /** The commit that is checked out. */
  readonly source: Source;
  /** The committed release; null before the first. */
  readonly current: Release | null;
  /** By the key of the service in the stack file; null when the cluster has none of that name. */
  readonly services: Readonly<Record<string, ServiceObservation | null>>;
  /** What each service is to be again, should this fail: as it is now, or as it was before an unfinished release. By key. */
  readonly before: Readonly<Record<string, Before>>;
  /** By definition: `service/<key>`, `run/<location>`, `once/<image>`. */
  readonly definitions: Readonly<Record<string, KnownDefinition>>;
  /** By the key of the image. */
  readonly images: Readonly<Record<string, ImagePlan>>;
  /** What each service runs by the current release, as long as the registry has it: images that it may keep. By key. */
  readonly keepable: Readonly<Record<string, ImagePart>>;
  readonly parameters: ParameterNames;
  /** Where the images come from, when they are not made here. */
  readonly promoted: Promoted | null;
  /** Alembic's revisions in the checkout, by the name of the migration. */
  readonly scripts: Readonly<Record<string, Scripts>>;
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

/** Does a service run something else than before? A count that something else sets is not looked at, unless it is 0: we did that. */
export function hasMoved(
  service: Service,
  { revision, desiredCount }: Pick<ServiceObservation, "revision" | "desiredCount">,
  before: Before,
): boolean {
  if (!sameRevision(revision, before.taskDefinition)) return true;
  if (isScaled(service) && desiredCount > 0 && before.desiredCount > 0) return false;
  return desiredCount !== before.desiredCount;
}

/** Does something else set its count? Then that may change for good reason at any time. */
export function isScaled(service: Service): boolean {
  return service.kind === "webserver" && service.scaling !== null;
}

/** What a service runs, for people: `family:revision`, or `nothing`. */
export function showRunning(revision: Revision | null, desiredCount: number): string {
  return revision === null || desiredCount === 0 ? "nothing" : showRevision(revision);
}
