import type { Place } from "../domain/errors.ts";
import type { Platform } from "../domain/identifiers.ts";
import type { Source } from "../domain/release.ts";

/** An image that is wanted. Later ways of making one will be further members of a union. */
export interface ImageRequest {
  readonly way: "layers";
  /** Name of the ECR repository. */
  readonly repository: string;
  /** Make the repository when it is not there: immutable tags, scanned on push. */
  readonly createRepository: boolean;
  readonly platform: Platform;
  readonly source: Source;
  /** The checkout. Every path below is relative to it, and its `.dockerignore` holds for `files`. */
  readonly root: string;
  /** `repository[:tag][@digest]` of the same registry, or `host/repository…` of another one. */
  readonly base: string;
  /** Lock file in pip's format, with hashes; null for an image that brings its packages with the base. */
  readonly requirements: string | null;
  /** As `COPY` does it: what is in a folder goes into the folder `to`, a file becomes the file `to`. Later ones win. */
  readonly files: readonly FileMapping[];
  /** Files that no checkout has: their absolute path in the image, and what they hold. */
  readonly generated: Readonly<Record<string, string>>;
  /** Absolute; the first place where Python looks for modules. */
  readonly workdir: string;
  readonly environment: Readonly<Record<string, string>>;
  /** `3.12`; null when the base says it in PYTHON_VERSION, as Python's official images do. */
  readonly python: string | null;
  /** Where the user names base and lock file, for what goes wrong with them; null when no file of his does. */
  readonly places: { readonly base: Place; readonly requirements: Place } | null;
}

export interface FileMapping {
  readonly from: string;
  /** Where the user names it. */
  readonly place?: Place;
  /** Absolute path in the image. */
  readonly to: string;
}
