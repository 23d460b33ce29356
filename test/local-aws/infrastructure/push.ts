import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { registryPassword } from "../gateway/callers.ts";
import type { BuiltLayer } from "./layer.ts";

/** What an image runs, in the words of the OCI image specification. */
export interface ImageSettings {
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}

export interface Repository {
  /** URL of the registry, without `/v2`. */
  readonly registry: string;
  readonly repository: string;
}

export interface PushRequest extends Repository {
  readonly tag: string;
  readonly settings: ImageSettings;
  /** Lowest first. */
  readonly layers: readonly BuiltLayer[];
  /** `amd64` or `arm64`; this machine's unless told. */
  readonly architecture?: string;
}

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const configType = "application/vnd.oci.image.config.v1+json";
const layerType = "application/vnd.oci.image.layer.v1.tar+gzip";

/**
 * The bed's own way to put an image into a registry.
 * @returns digest of the manifest.
 */
export async function pushImage(request: PushRequest): Promise<string> {
  const { settings, layers, architecture = process.arch === "arm64" ? "arm64" : "amd64" } = request;
  const diffIds = layers.map(({ diffId }) => diffId);
  const config = Buffer.from(
    JSON.stringify({ architecture, os: "linux", config: settings, rootfs: { type: "layers", diff_ids: diffIds } }),
  );
  await Promise.all(layers.map(({ digest, size, open }) => pushBlob(request, digest, size, open)));
  await pushBlob(request, digestOf(config), config.length, () => Readable.from([config]));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: configType, digest: digestOf(config), size: config.length },
      layers: layers.map(({ digest, size }) => ({ mediaType: layerType, digest, size })),
    }),
  );
  await putManifest(request, request.tag, manifestType, manifest);
  return digestOf(manifest);
}

/** A manifest whose blobs are there, under a tag. */
export async function putManifest(to: Repository, tag: string, type: string, manifest: Buffer): Promise<void> {
  await expectStatus(201, call(to, "PUT", `manifests/${tag}`, { "content-type": type }, manifest));
}

export async function pushBlob(request: Repository, digest: string, size: number, open: () => Readable): Promise<void> {
  const known = await call(request, "HEAD", `blobs/${digest}`);
  if (known.ok) return;
  const begun = await expectStatus(202, call(request, "POST", "blobs/uploads/"));
  const upload = new URL(begun.headers.get("location") ?? "", request.registry);
  upload.searchParams.set("digest", digest);
  const headers = { ...authorization, "content-type": "application/octet-stream", "content-length": String(size) };
  await expectStatus(201, fetch(upload, { method: "PUT", headers, body: Readable.toWeb(open()), duplex: "half" }));
}

const authorization = {
  authorization: `Basic ${Buffer.from(`AWS:${registryPassword("infrastructure")}`).toString("base64")}`,
};

function call(
  { registry, repository }: Repository,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body: Buffer | null = null,
): Promise<Response> {
  return fetch(`${registry}/v2/${repository}/${path}`, { method, headers: { ...authorization, ...headers }, body });
}

async function expectStatus(status: number, answer: Promise<Response>): Promise<Response> {
  const response = await answer;
  if (response.status === status) return response;
  throw new Error(`registry: ${response.status} instead of ${status} for ${response.url}: ${await response.text()}`);
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
