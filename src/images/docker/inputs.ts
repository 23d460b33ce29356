import type { Digest, Platform } from "../../domain/identifiers.ts";
import { contentHash } from "../../domain/json.ts";

/**
 * Everything that goes into an image of a Dockerfile, as far as it can be known before it is built: no time, no commit, no cache, no
 * value of a secret. What a RUN fetches by itself is not in it.
 */
export interface DockerInputs {
  /** Counted up when the same inputs would give other images than before. */
  readonly scheme: "docker-1";
  readonly platform: Platform;
  /** SHA-256 of the Dockerfile, in hex. */
  readonly dockerfile: string;
  readonly target: string | null;
  readonly arguments: Readonly<Record<string, string>>;
  /** Ids, sorted. */
  readonly secrets: readonly string[];
  /** With it the registry gets an index. */
  readonly provenance: "off" | "min" | "max";
  /** Images that its stages take, as they are now; null: nobody could be asked. */
  readonly images: Readonly<Record<string, Digest | null>>;
  /** SHA-256 of the lock file that it says it installs, in hex; left out: it does not say. */
  readonly lock?: string;
  /** By path in the context, after `.dockerignore`: `0644 <SHA-256 in hex>`, `0755 …`, or `link <target>`. */
  readonly files: Readonly<Record<string, string>>;
}

/** The content key: 40 hex digits. */
export function dockerKey(inputs: DockerInputs): string {
  return contentHash(inputs).slice(0, 40);
}

/** Stands in the place of the digest of an image that is not built yet, where something is laid upon it: equal content, equal name. */
export function nameOfContent(inputs: DockerInputs): Digest {
  return `sha256:${contentHash(inputs)}` as Digest;
}
