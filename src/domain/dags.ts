import { hash } from "node:crypto";
import * as z from "zod";
import { digestSchema, instantSchema, locationKey } from "./identifiers.ts";
import { sourceSchema } from "./source.ts";

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, "64 hex digits");

/** What a version of DAGs is called: a hash over its files, so that equal files are an equal version. 40 hex digits. */
export const dagsVersionSchema = z
  .string()
  .regex(/^[0-9a-f]{40}$/, "40 hex digits")
  .brand<"DagsVersion">();
export type DagsVersion = z.infer<typeof dagsVersionSchema>;

/** A file; or a link, to a file of the same version. */
export type DagsFile =
  | { readonly size: number; readonly mode: "0644" | "0755"; readonly sha256: string }
  | { readonly link: string };

/** By path below the folder of the version. */
export type DagsFiles = Readonly<Record<string, DagsFile>>;

/** By hand: of ten thousand files, a schema for each would take longer than all the rest of a publication. */
const filesSchema = z.custom<DagsFiles>(
  (files) => isRecord(files) && Object.values(files).every(isFile),
  "by path, a file with size, mode and SHA-256, or a link",
);

function isFile(file: unknown): boolean {
  if (!isRecord(file)) return false;
  const { size, mode, sha256, link } = file;
  const members = Object.keys(file).length;
  if (link !== undefined) return typeof link === "string" && members === 1;
  return (
    members === 3 &&
    Number.isInteger(size) &&
    Number(size) >= 0 &&
    (mode === "0644" || mode === "0755") &&
    typeof sha256 === "string" &&
    /^[0-9a-f]{64}$/.test(sha256)
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

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
  /** Until when versions of before were served, the newest of them: what was served lately may be named by a run that waits. */
  until: z.record(dagsVersionSchema, instantSchema).optional(),
});
export type DagsPointer = z.infer<typeof dagsPointerSchema>;

/** What lies under a prefix as plain files, each under its own path: written anew with each change of them. */
export const dagsMirrorSchema = z.strictObject({
  schema: z.literal(1),
  location: z.string(),
  version: dagsVersionSchema,
  /** Those that are ours, and as they are; but for those that are being written. No links: what they lead to is in their place. */
  files: filesSchema,
  /** A run is at it, or was cut: of these paths nobody knows what they hold. Null: all is as `files` says. */
  writing: z.strictObject({ paths: z.array(z.string()), run: z.string().nullable(), at: instantSchema }).nullable(),
  /** A run that had lost its lease may have written these paths after `at`: nobody knows what they hold. */
  late: z.strictObject({ paths: z.array(z.string()), run: z.string().nullable() }).optional(),
  lock: sha256Schema.nullable(),
  source: sourceSchema,
  run: z.string().nullable(),
  at: instantSchema,
});
export type DagsMirror = z.infer<typeof dagsMirrorSchema>;

/** Are plain files those of the version that their record names, each of them? */
export function isWholeMirror({ writing, late }: Pick<DagsMirror, "writing" | "late">): boolean {
  return writing === null && late === undefined;
}

/** What a pointer was, or is to be again: all of it but when it was written. */
export const dagsBeforeSchema = dagsPointerSchema.omit({ schema: true, at: true });
export type DagsBefore = z.infer<typeof dagsBeforeSchema>;

/** The name of a version with these files. */
export function dagsVersion(files: DagsFiles): DagsVersion {
  return hash("sha256", `{"files":${canonicalFiles(files)},"scheme":1}`, "hex").slice(0, 40) as DagsVersion;
}

/** Their canonical text (`canonicalJson`), by hand as well. */
export function canonicalFiles(files: DagsFiles): string {
  // An object has names that are whole numbers first, whatever order they came in.
  const sorted = Object.fromEntries(
    Object.keys(files)
      .sort()
      .map((path) => [path, files[path]]),
  );
  const members = Object.entries(sorted).map(([path, file]) => `${JSON.stringify(path)}:${canonicalFile(file)}`);
  return `{${members.join(",")}}`;
}

function canonicalFile(file: DagsFile | undefined): string {
  if (file === undefined) return "null";
  if ("link" in file) return `{"link":${JSON.stringify(file.link)}}`;
  return `{"mode":"${file.mode}","sha256":"${file.sha256}","size":${file.size}}`;
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
  mirror: ".mirror.json",
  versions: "versions/",
  manifest: (version: DagsVersion): string => `versions/${version}.json`,
  archive: ({ archive }: Pick<DagsManifest, "archive">): string =>
    `archives/${archive.digest.slice("sha256:".length)}.tar.gz`,
} as const;
