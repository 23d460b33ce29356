import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Digest } from "../domain/identifiers.ts";
import { digestOf } from "./manifest.ts";
import { nextHop, type Registry, send } from "./registry.ts";
import type { Payload } from "../files/archive.ts";
import { bytesOf } from "./transport.ts";

/** A blob, and where its bytes are. */
export interface BlobContent {
  readonly digest: Digest;
  readonly content: Payload;
}

/** Reads a small blob into memory: an image's config. @throws Error when its bytes are not what its digest says. */
export async function readBlob(
  from: Registry,
  repository: string,
  { digest, size }: { readonly digest: Digest; readonly size: number },
): Promise<Uint8Array> {
  if (size > largestInMemory) throw new Error(`${repository}@${digest} takes ${size} bytes: that is no config`);
  const bytes = await send(from, { method: "GET", path: blobPath(repository, digest), expect: [200] }, bytesOf);
  if (digestOf(bytes) !== digest) throw new Error(`${repository}: a blob that should be ${digest} is not`);
  return bytes;
}

/** Reads a blob of any size into a file, piece by piece. @throws Error when its bytes are not what its digest says. */
export async function downloadBlob(
  from: Registry,
  repository: string,
  { digest, size }: { readonly digest: Digest; readonly size: number },
  path: string,
  signal: AbortSignal,
): Promise<BlobContent> {
  await send(from, { method: "GET", path: blobPath(repository, digest), expect: [200] }, async ({ body }) => {
    const hash = createHash("sha256");
    await pipeline(
      body,
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(path),
      { signal },
    );
    if (`sha256:${hash.digest("hex")}` !== digest) {
      throw new Error(`${repository}: a blob that should be ${digest} is not`);
    }
  });
  return { digest, content: { kind: "file", path, size } };
}

export async function hasBlob(at: Registry, repository: string, digest: Digest): Promise<boolean> {
  const request = { method: "HEAD", path: blobPath(repository, digest), expect: [200, 404] } as const;
  return send(at, request, ({ status }) => status === 200);
}

/**
 * Sends a blob. One that is probably new and small is sent without asking whether it is there: asking costs a request, sending it
 * twice costs nothing. After a failure it is asked, since an upload that has ended cannot be ended again.
 */
export async function uploadBlob(
  to: Registry,
  repository: string,
  { digest, content }: BlobContent,
  { ask }: { readonly ask: boolean },
): Promise<void> {
  await to.persist(async (before) => {
    if ((ask || before > 0) && (await hasBlob(to, repository, digest))) return;
    const location = await beginUpload(to, `/v2/${repository}/blobs/uploads/`);
    if (location !== null) await finishUpload(to, location, { digest, content });
  });
}

/**
 * Has a blob of another repository of the same registry linked into this one, without a byte on the wire. ECR does so where the
 * account's BLOB_MOUNTING setting is on.
 * @returns false when the registry would rather have it sent.
 */
export async function mountBlob(at: Registry, repository: string, from: string, digest: Digest): Promise<boolean> {
  const query = new URLSearchParams({ mount: digest, from });
  return at.persist(
    async () => (await beginUpload(at, `/v2/${repository}/blobs/uploads/?${query.toString()}`)) === null,
  );
}

/** A config is some kilobytes; 8 MiB is what containerd would read of one. */
const largestInMemory = 8 * 1024 * 1024;

/** @returns where to send the bytes; null when the registry has them. */
async function beginUpload(to: Registry, path: string): Promise<string | null> {
  return to.exchange({ method: "POST", path, expect: [201, 202] }, ({ status, header }) => {
    if (status === 201) return null;
    const location = header("location");
    if (location === null) throw new Error(`POST ${path} was answered without a Location`);
    return nextHop(new URL(to.endpoint), location).href;
  });
}

async function finishUpload(to: Registry, location: string, { digest, content }: BlobContent): Promise<void> {
  const url = new URL(location);
  url.searchParams.set("digest", digest);
  const headers = { "content-type": "application/octet-stream" };
  await to.exchange({ method: "PUT", path: url.href, headers, body: content, expect: [201] }, ({ header }) => {
    const stored = header("docker-content-digest");
    if (stored !== null && stored !== digest) throw new Error(`a blob that is ${digest} was stored as ${stored}`);
  });
}

function blobPath(repository: string, digest: Digest): string {
  return `/v2/${repository}/blobs/${digest}`;
}
