import { createHash, hash } from "node:crypto";
import { createReadStream, createWriteStream, readFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { UserError } from "../domain/errors.ts";
import type { Digest } from "../domain/identifiers.ts";
import { type TarEntry, tarEnd, tarHeader, tarPadding } from "./tar.ts";

/** Where a file's bytes come from. With `sha256` (hex) given, they must still be the ones that were hashed. */
export type Content =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "disk"; readonly file: string; readonly sha256: string | null };

/** A member of an archive, and what is in it. */
export type TreeEntry =
  | Exclude<TarEntry, { readonly kind: "file" }>
  | (Extract<TarEntry, { readonly kind: "file" }> & { readonly content: Content });

/** What is kept or sent as a whole. One that lies in a file never is in memory as a whole. */
export type Payload =
  | { readonly kind: "memory"; readonly bytes: Uint8Array }
  | { readonly kind: "file"; readonly path: string; readonly size: number };

/** A tree of files, packed: a layer of an image, or a version of DAGs. */
export interface Archive {
  /** Digest of the archive before it is compressed: what an image's config names of a layer. */
  readonly diffId: Digest;
  /** Digest of the compressed archive: what an image's manifest names of a layer. */
  readonly digest: Digest;
  /** Of the compressed archive, in bytes. */
  readonly size: number;
  readonly content: Payload;
}

/** `memory` for small ones; a file is the caller's to remove. */
export type ArchiveTarget = { readonly kind: "memory" } | { readonly kind: "file"; readonly path: string };

/**
 * Packs a tree. The same members give the same bytes, in whatever order they come, from any checkout and any machine with the
 * same zlib.
 *
 * @throws UserError when a file is not what it was when it was hashed.
 */
export async function buildArchive(
  entries: readonly TreeEntry[],
  target: ArchiveTarget,
  signal: AbortSignal,
): Promise<Archive> {
  const archive = createHash("sha256");
  const compressed = createHash("sha256");
  const kept: Buffer[] = [];
  let size = 0;
  await pipeline(
    inBlocks(archiveOf(entries)),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        archive.update(chunk);
        yield chunk;
      }
    },
    createGzip({ level: compressionLevel, chunkSize: chunkBytes }),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        const bytes = Buffer.from(chunk);
        if (size === 0) blankHeader(bytes);
        size += bytes.length;
        compressed.update(bytes);
        yield bytes;
      }
    },
    target.kind === "file"
      ? createWriteStream(target.path)
      : async (chunks: AsyncIterable<Buffer>): Promise<void> => {
          for await (const chunk of chunks) kept.push(chunk);
        },
    { signal },
  );
  return {
    diffId: `sha256:${archive.digest("hex")}` as Digest,
    digest: `sha256:${compressed.digest("hex")}` as Digest,
    size,
    content: target.kind === "file" ? { ...target, size } : { kind: "memory", bytes: Buffer.concat(kept, size) },
  };
}

/** Members in the order of their names' bytes, which no locale changes, and in which a folder comes before what is in it. */
function inTarOrder<Entry extends { readonly path: string }>(entries: readonly Entry[]): readonly Entry[] {
  return entries
    .map((entry) => ({ entry, name: Buffer.from(entry.path) }))
    .sort((a, b) => Buffer.compare(a.name, b.name))
    .map(({ entry }) => entry);
}

/**
 * The bytes of a file. Small ones are read at once, and by this very thread: a stream has a buffer of its own for each file, and another
 * thread is told of each of its four system calls, which among thousands of files would be most of the work.
 */
export async function* chunksOf(file: string, size: number): AsyncGenerator<Buffer> {
  if (size <= readAtOnce) yield readFileSync(file);
  else yield* createReadStream(file, { highWaterMark: chunkBytes }) as AsyncIterable<Buffer>;
}

/** It is pulled at every start of every task and made once: level 6 is 9 % smaller than 1, for twice the time once. */
const compressionLevel = 6;
const chunkBytes = 1 << 20;
/** Bytes up to which a file is read at once. */
export const readAtOnce = chunkBytes;
const blockBytes = 1 << 18;

/**
 * Few large pieces of many small ones: each piece is a task of its own for the thread that compresses. It is the same memory each time: it
 * holds until the next piece is asked for.
 */
async function* inBlocks(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const block = Buffer.alloc(blockBytes);
  let used = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const copied = piece.copy(block, used, at);
      at += copied;
      used += copied;
      if (used < blockBytes) continue;
      yield block;
      used = 0;
    }
  }
  yield block.subarray(0, used);
}

async function* archiveOf(entries: readonly TreeEntry[]): AsyncGenerator<Buffer> {
  for (const entry of inTarOrder(entries)) {
    yield tarHeader(entry);
    if (entry.kind !== "file") continue;
    const { content } = entry;
    if (content.kind === "bytes") yield Buffer.from(content.bytes);
    else yield* unchanged(entry, content);
    yield tarPadding(entry.size);
  }
  yield tarEnd;
}

async function* unchanged(
  { path, size }: { readonly path: string; readonly size: number },
  { file, sha256 }: Extract<Content, { kind: "disk" }>,
): AsyncGenerator<Buffer> {
  if (size <= readAtOnce) {
    const bytes = readFileSync(file);
    if (bytes.length !== size || (sha256 !== null && hash("sha256", bytes, "hex") !== sha256))
      throw changed(path, file);
    yield bytes;
    return;
  }
  const whole = createHash("sha256");
  let read = 0;
  for await (const chunk of chunksOf(file, size)) {
    read += chunk.length;
    if (read > size) break;
    if (sha256 !== null) whole.update(chunk);
    yield chunk;
  }
  if (read === size && (sha256 === null || whole.digest("hex") === sha256)) return;
  throw changed(path, file);
}

function changed(path: string, file: string): UserError {
  return new UserError({
    what: `${path} changed while it was packed.`,
    where: file,
    fix: "Let nothing write into the checkout while this step runs, and run it again.",
  });
}

/** RFC 1952, 2.3.1: no time, no remark on the effort, operating system unknown. */
function blankHeader(gzip: Buffer): void {
  gzip.writeUInt32LE(0, 4);
  gzip[8] = 0;
  gzip[9] = 255;
}
