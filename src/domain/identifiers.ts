import * as z from "zod";

/** A full git commit id: 40 lower-case hex digits (SHA-1) or 64 (SHA-256 repositories). Short ids are never accepted: they collide. */
export const shaSchema = z
  .string()
  .regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, "a full git SHA: 40 (or 64) lower-case hex digits")
  .brand<"Sha">();
export type Sha = z.infer<typeof shaSchema>;

/** A content digest as registries write it: `sha256:` and 64 hex digits. */
export const digestSchema = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, "a digest: sha256: and 64 lower-case hex digits")
  .brand<"Digest">();
export type Digest = z.infer<typeof digestSchema>;

/** What a release is called: the UTC second it was begun in, and the SHA it was begun for. Sorts by time as text. */
export const releaseIdSchema = z
  .string()
  .regex(/^\d{8}T\d{6}Z-([0-9a-f]{40}|[0-9a-f]{64})$/, "a release id: 20261121T101500Z-<full git SHA>")
  .brand<"ReleaseId">();
export type ReleaseId = z.infer<typeof releaseIdSchema>;

/** A moment as ISO 8601 text in UTC, with milliseconds. */
export const instantSchema = z.iso.datetime({ message: "a UTC time: 2026-11-21T10:15:00.000Z" }).brand<"Instant">();
export type Instant = z.infer<typeof instantSchema>;

/** A key in one of our files: image, service, environment, migration. */
export const keySchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, "letters, digits, dots, dashes and underscores, at most 100");

/**
 * Dagster's name for a code location. Wider than our own keys, since it may have been made by Dagster
 * (`grpc:host:4000`), and all stored state hangs on it.
 */
export const locationSchema = z
  .string()
  .regex(/^[A-Za-z0-9][\x20-\x7e]{0,99}$/, "a location's name: printable ASCII that begins with a letter or digit");

/** A location's name as releases and S3 keys hold it. Dagster allows more characters than those do. */
export function locationKey(location: string): string {
  return location.replaceAll(/[^\w.-]/g, "-");
}

/** Operating system and CPU architecture, in the words of image registries. */
export const platformSchema = z.enum(["linux/amd64", "linux/arm64"]);
export type Platform = z.infer<typeof platformSchema>;

/** @param at milliseconds since 1970. */
export function instant(at: number): Instant {
  return new Date(at).toISOString() as Instant;
}

/**
 * The id of a release begun at this moment for this commit.
 * @param at milliseconds since 1970; the id holds whole seconds.
 */
export function releaseId(at: number, sha: Sha): ReleaseId {
  const second = new Date(at)
    .toISOString()
    .replaceAll(/[-:]/g, "")
    .replace(/\.\d+Z$/, "Z");
  return `${second}-${sha}` as ReleaseId;
}

/** When the release was begun, in milliseconds since 1970. */
export function begunAt(id: ReleaseId): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(id) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** The commit the release was begun for. */
export function shaOf(id: ReleaseId): Sha {
  return id.slice(id.indexOf("-") + 1) as Sha;
}
