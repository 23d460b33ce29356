import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { pauseAfter } from "../../../src/aws/send.ts";
import type { Context } from "../../../src/domain/context.ts";
import { type Registry, type RegistryRequest, Weather } from "../../../src/images/registry.ts";
import type { Payload } from "../../../src/files/archive.ts";
import type { Answer } from "../../../src/images/transport.ts";
import type { Wire } from "./wire.ts";

/** What ECR's registry holds. Tags are immutable, as ECR words it. */
export interface MemoryRegistry {
  /** Opened by somebody, over a wire of his own. */
  open(context: Context, wire: Wire): Registry;
  /** `https://host` */
  readonly endpoint: string;
  put(repository: string, reference: string, mediaType: string, manifest: Uint8Array): void;
  putBlob(bytes: Uint8Array): string;
  /** Names of the image of this digest. */
  tagsOf(repository: string, digest: string): readonly string[];
  /** As ECR lists a repository. */
  imagesIn(repository: string): readonly { readonly imageTag: string; readonly imageDigest: string }[];
  /** Takes a tag away; an image goes with its last. */
  untag(repository: string, tag: string): void;
  /** Forgets an image, as a lifecycle rule does. */
  forget(repository: string, digest: string): void;
}

interface Manifest {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export function memoryRegistry(account: string, repositories: readonly string[]): MemoryRegistry {
  const registryEndpoint = `https://${account}.dkr.ecr.eu-central-1.amazonaws.com`;
  const manifests = new Map<string, Manifest>();
  const tags = new Map<string, string>();
  const blobs = new Map<string, Uint8Array>();
  let uploads = 0;

  const put = (repository: string, reference: string, mediaType: string, bytes: Uint8Array): void => {
    const digest = digestOf(bytes);
    manifests.set(`${repository}@${digest}`, { mediaType, bytes });
    if (!reference.startsWith("sha256:")) tags.set(`${repository}:${reference}`, digest);
  };

  const handle = async ({ method, path, headers = {}, body }: RegistryRequest): Promise<Answer> => {
    const url = new URL(path, registryEndpoint);
    const [, repository = "", kind = "", rest = ""] = /^\/v2\/(.+)\/(manifests|blobs)\/(.*)$/.exec(url.pathname) ?? [];
    if (!repositories.includes(repository)) return failure(404, "NAME_UNKNOWN", "no such repository");
    if (kind === "manifests") {
      const digest = rest.startsWith("sha256:") ? rest : tags.get(`${repository}:${rest}`);
      if (method === "PUT") {
        const bytes = await bytesOf(body);
        if (digest !== undefined && !rest.startsWith("sha256:") && digest !== digestOf(bytes)) {
          const message = `The image tag '${rest}' already exists in the '${repository}' repository and cannot be overwritten because the tag is immutable.`;
          return failure(400, "TAG_INVALID", message);
        }
        put(repository, rest, headers["content-type"] ?? "", bytes);
        return answer(201, { "docker-content-digest": digestOf(bytes) });
      }
      const found = digest === undefined ? undefined : manifests.get(`${repository}@${digest}`);
      if (found === undefined || digest === undefined) return failure(404, "MANIFEST_UNKNOWN", "no such image");
      const told = { "docker-content-digest": digest, "content-type": found.mediaType };
      return answer(200, told, method === "HEAD" ? new Uint8Array() : found.bytes);
    }
    if (method === "POST") {
      const mounted = url.searchParams.get("mount");
      if (mounted !== null && blobs.has(mounted)) return answer(201, { "docker-content-digest": mounted });
      uploads += 1;
      return answer(202, { location: `${registryEndpoint}/v2/${repository}/blobs/uploads/${uploads}` });
    }
    if (method === "PUT") {
      const bytes = await bytesOf(body);
      blobs.set(digestOf(bytes), bytes);
      return answer(201, { "docker-content-digest": digestOf(bytes) });
    }
    const blob = blobs.get(rest);
    if (blob === undefined) return failure(404, "BLOB_UNKNOWN", "no such blob");
    return answer(200, {}, method === "HEAD" ? new Uint8Array() : blob);
  };

  return {
    endpoint: registryEndpoint,
    open: (context, wire) => ({
      endpoint: registryEndpoint,
      exchange: async (request, read) => {
        context.signal.throwIfAborted();
        const { method, path } = request;
        const about = new URL(path, registryEndpoint).pathname;
        const call = { to: "registry", operation: method, about, writes: method === "PUT" || method === "POST" };
        const given = await wire(call, () => handle(request));
        if (request.expect.includes(given.status)) return read(given);
        throw new Error(`the registry in memory answers ${method} ${path} with ${given.status}`);
      },
      persist: async (work) => {
        for (let attempt = 1; ; attempt += 1) {
          try {
            return await work(attempt - 1);
          } catch (error) {
            if (attempt === 5 || !isWeather(error)) throw error;
            await context.clock.sleep(pauseAfter(attempt, 0.5), context.signal);
          }
        }
      },
    }),
    put,
    putBlob: (bytes) => {
      blobs.set(digestOf(bytes), bytes);
      return digestOf(bytes);
    },
    tagsOf: (repository, digest) =>
      [...tags].flatMap(([name, named]) =>
        named === digest && name.startsWith(`${repository}:`) ? [name.slice(repository.length + 1)] : [],
      ),
    imagesIn: (repository) =>
      [...tags].flatMap(([name, imageDigest]) =>
        name.startsWith(`${repository}:`) ? [{ imageTag: name.slice(repository.length + 1), imageDigest }] : [],
      ),
    untag: (repository, tag) => {
      const digest = tags.get(`${repository}:${tag}`);
      tags.delete(`${repository}:${tag}`);
      const isNamed = [...tags].some(([name, named]) => named === digest && name.startsWith(`${repository}:`));
      if (digest !== undefined && !isNamed) manifests.delete(`${repository}@${digest}`);
    },
    forget: (repository, digest) => {
      manifests.delete(`${repository}@${digest}`);
      for (const [name, named] of tags) if (named === digest && name.startsWith(`${repository}:`)) tags.delete(name);
    },
  };
}

function isWeather(error: unknown): boolean {
  return error instanceof Weather || (error instanceof Error && "code" in error && error.code === "ECONNRESET");
}

async function bytesOf(body: Payload | undefined): Promise<Uint8Array> {
  if (body === undefined) return new Uint8Array();
  return body.kind === "memory" ? body.bytes : readFile(body.path);
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function answer(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array = new Uint8Array(),
): Answer {
  return { status, header: (name) => headers[name] ?? null, body: Readable.from([body]) };
}

function failure(status: number, code: string, message: string): Answer {
  return answer(status, {}, Buffer.from(JSON.stringify({ errors: [{ code, message }] })));
}
