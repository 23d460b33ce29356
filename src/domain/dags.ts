import * as z from "zod";
import { digestSchema, instantSchema, locationKey } from "./identifiers.ts";
import { contentHash } from "./json.ts";
import { sourceSchema } from "./source.ts";

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, "64 hex digits");

/** What a version of DAGs is called: a hash over its files, so that equal files are an equal version. 40 hex digits. */
export const dagsVersionSchema = z
  .string()
  .regex(/^[0-9a-f]{40}$/, "40 hex digits")
  .brand<"DagsVersion">();
export type DagsVersion = z.infer<typeof dagsVersionSchema>;

const fileSchema = z.union([
  z.strictObject({ size: z.int().min(0), mode: z.enum(["0644", "0755"]), sha256: sha256Schema }),
  /** A link, to a file of the same version. */
  z.strictObject({ link: z.string() }),
]);
export type DagsFile = z.infer<typeof fileSchema>;

/** By path below the folder of the version. */
const filesSchema = z.record(z.string(), fileSchema);
export type DagsFiles = z.infer<typeof filesSchema>;

/** One version of the code of a location, as it was first published. Written once, never changed. */
export const dagsManifestSchema = z.strictObject({
  schema: z.literal(1),
  version: dagsVersionSchema,
  files: filesSchema,
  /** A tar, compressed by gzip. */
  archive: z.strictObject({ digest: digestSchema, size: z.int().positive() }),
  /** SHA-256 of the lock file that the code was written against; null without one. */
  lock: sha256Schema.nullable(),
  source: sourceSchema,
  /** Page of the run that published it. */
  run: z.string().nullable(),
});
export type DagsManifest = z.infer<typeof dagsManifestSchema>;

/** The version that is served: the only object of a location that is ever written anew. */
export const dagsPointerSchema = z.strictObject({
  schema: z.literal(1),
  version: dagsVersionSchema,
  /** The version that was served before; null for the first. */
  previous: dagsVersionSchema.nullable(),
  source: sourceSchema,
  /** Page of the run that switched to it. */
  run: z.string().nullable(),
  at: instantSchema,
});
export type DagsPointer = z.infer<typeof dagsPointerSchema>;

/** What a pointer was, or is to be again: all of it but when it was written. */
export const dagsBeforeSchema = dagsPointerSchema.omit({ schema: true, at: true });
export type DagsBefore = z.infer<typeof dagsBeforeSchema>;

/** The name of a version with these files. */
export function dagsVersion(files: DagsFiles): DagsVersion {
  return contentHash({ scheme: 1, files }).slice(0, 40) as DagsVersion;
}

/** Prefix of a location in the bucket. */
export const dagsPrefixSchema = z
  .string()
  .min(1)
  .regex(/^([\w.-]+\/)+$/, "a prefix that ends in a slash: dags/main/");

/** The prefix of a location for which nobody has named one. */
export function dagsPrefix(location: string): string {
  return `dags/${locationKey(location)}/`;
}

/** Where the objects of a location are, below its prefix. The reader has the same names. */
export const dagsKeys = {
  pointer: "current.json",
  manifest: (version: DagsVersion): string => `versions/${version}.json`,
  archive: ({ archive }: Pick<DagsManifest, "archive">): string =>
    `archives/${archive.digest.slice("sha256:".length)}.tar.gz`,
} as const;
