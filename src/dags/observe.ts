import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bucket, Stored } from "../aws/bucket.ts";
import type { Context } from "../domain/context.ts";
import {
  dagsKeys,
  type DagsFile,
  type DagsFiles,
  type DagsManifest,
  dagsManifestSchema,
  type DagsPointer,
  dagsPointerSchema,
  type DagsVersion,
  dagsVersion,
} from "../domain/dags.ts";
import { UserError } from "../domain/errors.ts";
import type { TreeEntry } from "../files/archive.ts";
import type { SecretFile } from "../files/secret-files.ts";
import { readSources } from "../files/sources.ts";
import { compareFiles, type DagsChanges } from "./compare.ts";
import type { DagsRequest, ReturnTo } from "./request.ts";
import { type SyntaxFault, syntaxFaults } from "./syntax.ts";
import { type DefinitionsFault, definitionsFault } from "./validate.ts";

/** What is in the checkout of a location. */
export interface DagsFolder {
  readonly version: DagsVersion;
  readonly files: DagsFiles;
  readonly entries: readonly TreeEntry[];
  readonly lock: string | null;
  readonly secretFiles: readonly SecretFile[];
}

/** What is in the checkout, and what is in the bucket. */
export interface DagsObservation extends DagsFolder {
  readonly request: DagsRequest;
  /** Null: nothing was ever served. */
  readonly pointer: Stored<DagsPointer> | null;
  /** The version that is served. */
  readonly served: Served | null;
  /** This version was published before, and is there still. */
  readonly published: boolean;
  /** Against the version that is served. */
  readonly changes: DagsChanges;
  /** Of files that are new or changed, in a version that was not published yet. */
  readonly syntaxFaults: readonly SyntaxFault[];
  /** What Dagster says of the definitions; null: they are good, or it was not asked. */
  readonly fault: DefinitionsFault | null;
}

/** What counts of the version that is served: its files, and what it was written against. */
export type Served = Pick<DagsManifest, "version" | "files" | "lock">;

/**
 * Reads the code of a location, and what its prefix in the bucket holds of it.
 * @param store at the location's prefix
 * @param read the folder, when it is read already
 * @throws UserError for a folder that is empty, too large, or has links that lead out of it.
 */
export async function observeDags(
  store: Bucket,
  context: Context,
  request: DagsRequest,
  read: Promise<DagsFolder> | null = null,
): Promise<DagsObservation> {
  const [folder, pointer] = await Promise.all([
    read ?? readFolder(context, request),
    store.read(dagsKeys.pointer, dagsPointerSchema),
  ]);
  const { version, files, lock } = folder;
  const isServed = pointer?.value.version === version;
  const [published, other] = await Promise.all([
    store.has(dagsKeys.manifest(version)).then((isThere) => isThere && (isServed || hasArchive(store, version))),
    pointer === null || isServed ? null : manifestOf(store, pointer.value.version),
  ]);
  // A version is named by its files: those of one that is served are these, whatever its manifest says beside.
  const served = isServed && published ? { version, files, lock } : other;
  // A version that was published was looked at then.
  const examined = published
    ? { changes: compareFiles(served?.files ?? null, files), syntaxFaults: [], fault: null }
    : await examine(context, request, folder, served);
  return { ...folder, request, pointer, served, published, ...examined };
}

/** @throws UserError for a folder that is empty, too large, or has links that lead out of it. */
export async function readFolder(
  context: Pick<Context, "signal">,
  request: Pick<DagsRequest, "root" | "directory" | "place" | "lock">,
): Promise<DagsFolder> {
  const { root, directory, place } = request;
  const [sources, lock] = await Promise.all([
    readSources({ root, files: [{ from: directory, to: "/", place }], generated: {} }, context.signal, {
      dockerignore: false, // it says what an image leaves out, which may be this very folder
      layer: false,
      leaveOut: `move it out of ${directory}`,
    }),
    lockOf(request),
  ]);
  if (sources.size > largestTree) throw tooLarge(request, sources.size);
  const { entries, secretFiles } = sources;
  const files = Object.fromEntries(entries.flatMap((entry) => fileOf(entry)));
  return { version: dagsVersion(files), files, entries, lock, secretFiles };
}

/** Compares a folder with what is served, and checks what is new. */
export async function examine(
  context: Context,
  request: DagsRequest,
  { files }: Pick<DagsFolder, "files">,
  served: Pick<Served, "files"> | null,
): Promise<Pick<DagsObservation, "changes" | "syntaxFaults" | "fault">> {
  const { root, directory } = request;
  const changes = compareFiles(served?.files ?? null, files);
  const touched = [...changes.added, ...changes.changed];
  const paths = touched.filter((path) => path.endsWith(".py"));
  const folder = join(root, directory);
  const faults = await syntaxFaults(context, { folder, paths, shown: directory });
  const isAsked = faults.length === 0 && touched.length + changes.removed.length > 0;
  return { changes, syntaxFaults: faults, fault: isAsked ? await definitionsFault(context, request) : null };
}

/** What is in the bucket of a version that was served before. */
export interface ReturnObservation {
  readonly request: DagsRequest;
  readonly pointer: Stored<DagsPointer>;
  /** Null: its manifest is gone. */
  readonly served: DagsManifest | null;
  readonly wanted: DagsManifest;
}

/**
 * Finds a version that was published before.
 * @param store at the location's prefix
 * @throws UserError when there is none to go back to.
 */
export async function observeReturn(store: Bucket, request: DagsRequest, to: ReturnTo): Promise<ReturnObservation> {
  const pointer = await store.read(dagsKeys.pointer, dagsPointerSchema);
  const where = `s3://${store.name}/${store.prefix}`;
  if (pointer === null) {
    throw new UserError({
      what: `Nothing was ever served of location ${request.location}: there is no version to go back to.`,
      where,
      fix: "Check the bucket and the prefix; the first version is published without `to`.",
    });
  }
  const version = to === "previous" ? pointer.value.previous : to;
  if (version === null) {
    throw new UserError({
      what: `Version ${pointer.value.version} of location ${request.location} is the first one that was served: there is none before it.`,
      where,
      fix: "Name a version: summaries of earlier runs have them.",
    });
  }
  const [served, wanted] = await Promise.all([manifestOf(store, pointer.value.version), manifestOf(store, version)]);
  if (wanted === null) {
    throw new UserError({
      what: `There is no version ${version} of location ${request.location}: it was never published, or somebody has removed it.`,
      where: `${where}${dagsKeys.manifest(version)}`,
      fix: "Publish it anew: check its commit out, and run this without `to`.",
    });
  }
  return { request, pointer, served, wanted };
}

/** It is in memory while it is sent, and on the small disk of each container. Bytes. */
const largestTree = 100 * 2 ** 20;

/** Asked only of what readers do not have: what they have, nothing removes. */
async function hasArchive(store: Bucket, version: DagsVersion): Promise<boolean> {
  const manifest = await manifestOf(store, version);
  return manifest !== null && (await store.has(dagsKeys.archive(manifest)));
}

function manifestOf(store: Bucket, version: DagsVersion): Promise<DagsManifest | null> {
  return store.read(dagsKeys.manifest(version), dagsManifestSchema).then((stored) => stored?.value ?? null);
}

function fileOf(entry: TreeEntry): readonly (readonly [string, DagsFile])[] {
  if (entry.kind === "directory") return [];
  if (entry.kind === "symlink") return [[entry.path, { link: entry.target }]];
  const { content, size, executable, path } = entry;
  if (content.kind !== "disk" || content.sha256 === null) throw new Error(`${path} was not hashed`);
  return [[path, { size, mode: executable ? "0755" : "0644", sha256: content.sha256 }]];
}

async function lockOf({ root, lock, place }: Pick<DagsRequest, "root" | "lock" | "place">): Promise<string | null> {
  if (lock === null) return null;
  const text = await readFile(join(root, lock)).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "ENOENT") throw cause;
    throw new UserError(
      { what: `There is no ${lock} in the checkout.`, where: place, fix: "Name the lock file of the image." },
      { cause },
    );
  });
  return createHash("sha256").update(text).digest("hex");
}

function tooLarge({ directory, place }: Pick<DagsRequest, "directory" | "place">, size: number): UserError {
  const megabytes = (bytes: number): number => Math.ceil(bytes / 2 ** 20);
  return new UserError({
    what: `${directory} has ${megabytes(size)} MiB, and a version of DAGs may have ${megabytes(largestTree)} MiB: each container of Dagster keeps several of them.`,
    where: place,
    fix: "Leave data and models out of the folder: read them from S3, or put them into the image.",
  });
}
