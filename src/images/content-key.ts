import type { Digest, Platform } from "../domain/identifiers.ts";
import { contentHash } from "../domain/json.ts";

/**
 * Everything that goes into an image made of layers, and nothing else: no time, no commit, no name of a machine, no secret. Equal
 * inputs are an equal image.
 */
export interface Inputs {
  /** Counted up when the same inputs would give other bytes than before. */
  readonly scheme: 2;
  readonly platform: Platform;
  /** The base as it was resolved now: a tag that moved is another base. */
  readonly base: Digest;
  /** As asked for; null when the base says it. */
  readonly python: string | null;
  /** SHA-256 of the lock file, in hex; null without one. */
  readonly requirements: string | null;
  readonly workdir: string;
  readonly environment: Readonly<Record<string, string>>;
  /** By path in the image: `0644 <SHA-256 in hex>`, `0755 …`, or `link <target>`. */
  readonly files: Readonly<Record<string, string>>;
}

/** The content key: 40 hex digits. */
export function contentKey(inputs: Inputs): string {
  return contentHash(inputs).slice(0, keyLength);
}

/** Key of the part that only the base and the lock file decide: the image that the code is laid upon. */
export function dependenciesKey({ scheme, platform, base, python, requirements }: Inputs): string {
  return contentHash({ scheme, platform, base, python, requirements }).slice(0, keyLength);
}

const keyLength = 40;
