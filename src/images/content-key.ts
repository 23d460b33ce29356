import type { Digest, Platform } from "../domain/identifiers.ts";
import { contentHash } from "../domain/json.ts";

/**
 * Everything that goes into an image made of layers, and nothing else: no time, no commit, no name of a machine, no secret. Equal
 * inputs are an equal image.
 */
export interface Inputs {
  /** Counted up when the same inputs would give other bytes than before. */
  readonly scheme: 4;
  readonly platform: Platform;
  /** The base as it was resolved now: a tag that moved is another base. */
  readonly base: Digest;
  /** As asked for; null when the base says it. */
  readonly python: string | null;
  /** SHA-256 of the lock file, in hex; null without one. */
  readonly requirements: string | null;
  readonly groups: readonly string[];
  /** Packages whose source is in the checkout: a hash of their files, by folder. */
  readonly localPackages: Readonly<Record<string, string>>;
  /** Commands whose output goes into the image: it stands for what they are given, since it may differ each time. */
  readonly prepare: readonly string[];
  readonly user: string | null;
  readonly workdir: string;
  readonly environment: Readonly<Record<string, string>>;
  /** By path in the image: `0644 <SHA-256 in hex>`, `0755 …`, or `link <target>`. */
  readonly files: Readonly<Record<string, string>>;
}

/** The content key: 40 hex digits. */
export function contentKey(inputs: Inputs): string {
  return contentHash(inputs).slice(0, keyLength);
}

/** The tag that names an image of this content, whatever commit it was made of. */
export function contentTag(key: string): string {
  return `src-${key}`;
}

/** Key of the part that only the base and the lock file decide: the image that the code is laid upon. */
export function dependenciesKey(inputs: Inputs): string {
  const { scheme, platform, base, python, requirements, groups, localPackages } = inputs;
  return contentHash({ scheme, platform, base, python, requirements, groups, localPackages }).slice(0, keyLength);
}

const keyLength = 40;
