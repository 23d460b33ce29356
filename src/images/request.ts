import type { Place } from "../domain/errors.ts";
import type { Platform } from "../domain/identifiers.ts";
import type { Source } from "../domain/release.ts";
import type { FileMapping } from "../files/sources.ts";

/** An image that is wanted of a checkout, however it is made. */
export interface WantedImage {
  /** Name of the ECR repository. */
  readonly repository: string;
  /** How the repository is made when it is not there; null: it is not made. Tags are immutable but for `cache…`. */
  readonly createRepository: NewRepository | null;
  readonly platform: Platform;
  readonly source: Source;
  /** The checkout is not what its commit holds: the image is named by both, commit and content. */
  readonly isDirty: boolean;
  /** The checkout. Paths of a request are relative to it. */
  readonly root: string;
  /** Where a stack file asks for it; null when none does. */
  readonly place: Place | null;
}

/** An image of layers: a base, the packages of a lock file, and files of the checkout, whose `.dockerignore` holds for them. */
export interface ImageRequest extends WantedImage {
  readonly way: "layers";
  /** `repository[:tag][@digest]` of the same registry, or `host/repository…` of another one. */
  readonly base: string;
  /** Lock file, with hashes; null for an image that brings its packages with the base. */
  readonly requirements: string | null;
  /** Dependency groups that are wanted beside what the project needs. */
  readonly groups: readonly string[];
  /** Commands that are run in a copy of `files` before they are taken, in this order. */
  readonly prepare: readonly string[];
  /** As `COPY` does it: what is in a folder goes into the folder `to`, a file becomes the file `to`. Later ones win. */
  readonly files: readonly FileMapping[];
  /** Files that no checkout has: their absolute path in the image, and what they hold. */
  readonly generated: Readonly<Record<string, string>>;
  /** Absolute; the first place where Python looks for modules. */
  readonly workdir: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Numeric, `1000` or `1000:1000`; null for the base's. */
  readonly user: string | null;
  /** `3.12`; null when the base says it in PYTHON_VERSION, as Python's official images do. */
  readonly python: string | null;
  /** Where the user names base and lock file, for what goes wrong with them; null when no file of his does. */
  readonly places: { readonly base: Place; readonly requirements: Place; readonly prepare: Place } | null;
}

export interface NewRepository {
  readonly scanOnPush: boolean;
  /** Id, alias or ARN of the key that layers are encrypted with; null for the one of S3. */
  readonly kmsKey: string | null;
}
