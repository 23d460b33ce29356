import type { DagsVersion } from "../domain/dags.ts";
import type { Place } from "../domain/errors.ts";
import type { Source } from "../domain/release.ts";

/** The code of one location, which is to be served from S3. */
export interface DagsRequest {
  readonly location: string;
  /** The checkout. */
  readonly root: string;
  /** Folder with the code, in the checkout. */
  readonly directory: string;
  /** Where the user names it. */
  readonly place: Place | string;
  /** Lock file of the image that runs the code, in the checkout; null without one. */
  readonly lock: string | null;
  /** How the definitions are tried by this machine's Dagster; not at all when left out. */
  readonly validate?: Validation | null;
  readonly source: Source;
  /** Page of the run that publishes it; null on somebody's own machine. */
  readonly run: string | null;
}

/** `dagster definitions validate`, which imports the code. */
export interface Validation {
  /** That Dagster loads. */
  readonly module: string;
  /** false: where this machine has no Dagster, nothing is tried. */
  readonly isRequired: boolean;
}

/** A version that was served before. */
export type ReturnTo = "previous" | DagsVersion;
