import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import * as z from "zod";
import { registryPassword } from "../../gateway/callers.ts";
import type { ImageReference } from "./image-reference.ts";

/** Reads one repository of a registry with one role's permission. */
export interface Repository {
  /** Base URL of the registry, without `/v2`. */
  readonly registry: string;
  readonly name: string;
  /** Shows as the caller of every request. */
  readonly role: string;
}

export const imageConfigSchema = z.object({
  architecture: z.string(),
  os: z.string(),
  config: z
    .object({
      Env: z.array(z.string()).nullish(),
      Entrypoint: z.array(z.string()).nullish(),
      Cmd: z.array(z.string()).nullish(),
      WorkingDir: z.string().nullish(),
      StopSignal: z.string().nullish(),
    })
    .default({}),
  rootfs: z.object({ diff_ids: z.array(z.string()) }),
});
export type ImageConfig = z.infer<typeof imageConfigSchema>;

const descriptorSchema = z.object({ mediaType: z.string(), digest: z.string(), size: z.number() });
const manifestSchema = z.object({ config: descriptorSchema, layers: z.array(descriptorSchema) });
const indexSchema = z.object({
  manifests: z.array(
    descriptorSchema.extend({ platform: z.object({ os: z.string(), architecture: z.string() }).optional() }),
  ),
});
export type Descriptor = z.infer<typeof descriptorSchema>;

export interface Image {
  /** Of the manifest that the reference names: an index's own, not its child's, as ECS reports it. */
  readonly digest: string;
  readonly config: ImageConfig;
  readonly layers: readonly Descriptor[];
}

const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];

/** What ECS says when an image cannot be had. */
export class CannotPull extends Error {
  override readonly name = "CannotPullContainerError";
}

/**
 * Reads what an image is made of, and checks every digest.
 * @param platform `linux/amd64`
 * @throws CannotPull in the words that ECS has for it.
 */
export async function readImage(repository: Repository, reference: ImageReference, platform: string): Promise<Image> {
  const named = await readManifest(repository, reference.digest ?? reference.tag ?? "latest", reference.text);
  if (reference.digest !== null && named.digest !== reference.digest) {
    throw new CannotPull(`manifest of ${repository.name} has digest ${named.digest}, not ${reference.digest}`);
  }
  const index = indexSchema.safeParse(named.json);
  const child = index.data?.manifests.find(
    (entry) => `${entry.platform?.os}/${entry.platform?.architecture}` === platform,
  );
  if (index.success && child === undefined) throw wrongPlatform(platform);
  const { json } = child === undefined ? named : await readManifest(repository, child.digest, reference.text);
  const manifest = manifestSchema.parse(json);
  const config = imageConfigSchema.parse(
    JSON.parse((await readBlob(repository, manifest.config.digest)).toString("utf8")),
  );
  if (`${config.os}/${config.architecture}` !== platform) throw wrongPlatform(platform);
  if (config.rootfs.diff_ids.length !== manifest.layers.length) {
    throw new CannotPull(`config of ${named.digest} names other layers than its manifest`);
  }
  return { digest: named.digest, config, layers: manifest.layers };
}

/** The bytes of a blob as they come. @throws CannotPull when there is none. */
export async function openBlob(repository: Repository, digest: string): Promise<Readable> {
  const response = await get(repository, `blobs/${digest}`);
  if (!response.ok || response.body === null) {
    throw new CannotPull(`failed to copy: httpReadSeeker: blob ${digest} of ${repository.name}: ${response.status}`);
  }
  return Readable.fromWeb(response.body);
}

function wrongPlatform(platform: string): CannotPull {
  const what = `image Manifest does not contain descriptor matching platform '${platform}'`;
  return new CannotPull(`pull image manifest has been retried 7 time(s): ${what}`);
}

/** @param image as ECS calls it when it cannot be had. */
async function readManifest(
  repository: Repository,
  reference: string,
  image: string,
): Promise<{ readonly digest: string; readonly json: unknown }> {
  const response = await get(repository, `manifests/${reference}`, { accept: manifestTypes.join(", ") });
  if (!response.ok) {
    const why = response.status === 404 ? "not found" : `unexpected status from HEAD request: ${response.status}`;
    throw new CannotPull(
      `pull image manifest has been retried 1 time(s): failed to resolve ref ${image}: ${image}: ${why}`,
    );
  }
  const bytes = Buffer.from(await response.arrayBuffer());
  return { digest: sha256(bytes), json: JSON.parse(bytes.toString("utf8")) };
}

async function readBlob(repository: Repository, digest: string): Promise<Buffer> {
  const bytes = await buffer(await openBlob(repository, digest));
  if (sha256(bytes) !== digest)
    throw new CannotPull(`blob ${digest} of ${repository.name} has digest ${sha256(bytes)}`);
  return bytes;
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function get({ registry, name, role }: Repository, path: string, headers = {}): Promise<Response> {
  const authorization = `Basic ${Buffer.from(`AWS:${registryPassword(role)}`).toString("base64")}`;
  return fetch(`${registry}/v2/${name}/${path}`, { headers: { authorization, ...headers } });
}
