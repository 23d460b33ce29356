import { createHash } from "node:crypto";
import * as z from "zod";
import type { Digest, Platform } from "../domain/identifiers.ts";
import { digestSchema } from "../domain/identifiers.ts";

/** The four forms in which a registry may hold an image. A form that is not asked for is converted, or not found. */
export const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
] as const;

/** Bytes and what they are called. Never parsed and written anew: a blank more is another digest. */
export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

const descriptorSchema = z.looseObject({ mediaType: z.string(), digest: digestSchema, size: z.int().nonnegative() });
/** A blob or manifest, by digest. */
export type Descriptor = z.infer<typeof descriptorSchema>;

const manifestSchema = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  config: descriptorSchema,
  layers: z.array(descriptorSchema),
});
const indexSchema = z.looseObject({
  manifests: z.array(
    z.looseObject({
      ...descriptorSchema.shape,
      platform: z.looseObject({ os: z.string(), architecture: z.string() }).optional(),
    }),
  ),
});
const configSchema = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  rootfs: z.looseObject({ diff_ids: z.array(digestSchema) }),
  history: z.array(z.unknown()).nullish(),
  config: z
    .looseObject({
      Env: z.array(z.string()).nullish(),
      WorkingDir: z.string().nullish(),
      Labels: z.record(z.string(), z.string()).nullish(),
    })
    .nullish(),
});
/** What a container of the image is started with, and the layers it is made of. Members that we do not know are kept. */
export type ImageConfig = z.infer<typeof configSchema>;

/** An image for one platform, read. */
export interface Image {
  readonly stored: StoredManifest;
  readonly manifest: z.infer<typeof manifestSchema>;
  readonly config: ImageConfig;
}

/** An image that no registry has yet. */
export interface NewImage extends Image {
  readonly configBytes: Uint8Array;
}

/** What is put on top of an image. `null` leaves a setting as it is. */
export interface Addition {
  readonly layer: { readonly diffId: Digest; readonly digest: Digest; readonly size: number };
  /** What `docker history` says of the layer. Constant: a folder's name in it would be another digest. */
  readonly by: string;
  readonly environment: readonly string[] | null;
  readonly workdir: string | null;
  /** Numeric: `1000`, `1000:1000`. */
  readonly user: string | null;
  readonly labels: Readonly<Record<string, string>>;
}

/** Reads a manifest of one platform. @throws ZodError or SyntaxError for anything else. */
export function readManifest({ bytes }: StoredManifest): Image["manifest"] {
  return manifestSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
}

/** Reads an image's config. @throws ZodError or SyntaxError for anything else. */
export function readConfig(bytes: Uint8Array): ImageConfig {
  return configSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
}

/** What an index or list offers; null for a manifest of one platform. Attestations, which have an unknown platform, are left out. */
export function platformsOf({ mediaType, bytes }: StoredManifest): ReadonlyMap<string, Digest> | null {
  if (!/index|list/.test(mediaType)) return null;
  const { manifests } = indexSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
  const known = manifests.flatMap(({ digest, platform }) =>
    platform === undefined || platform.os === "unknown" ? [] : [[nameOf(platform), digest] as const],
  );
  return new Map(known.toReversed()); // of several variants of one architecture, the first counts
}

/** Manifests that an index or list is made of, attestations too; none for an image of one platform. */
export function membersOf({ mediaType, bytes }: StoredManifest): readonly Digest[] {
  if (!/index|list/.test(mediaType)) return [];
  const { manifests } = indexSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
  return [...new Set(manifests.map(({ digest }) => digest))];
}

/** `linux/amd64` */
export function nameOf({ os, architecture }: { readonly os: string; readonly architecture: string }): string {
  return `${os}/${architecture}`;
}

/** Is the image made for this platform? Nothing but its config says so: a container of the wrong one starts, and then fails. */
export function isFor(config: ImageConfig, platform: Platform): boolean {
  return nameOf(config) === platform;
}

/** The image with one more layer; all else stays as it is. A pure function: no time, no name of a machine. */
export function withLayer(base: Image, { layer, by, environment, workdir, user, labels }: Addition): NewImage {
  const { config: container, history, rootfs } = base.config;
  const config: ImageConfig = {
    ...base.config,
    config: {
      ...container,
      ...(environment === null ? {} : { Env: [...environment] }),
      ...(workdir === null ? {} : { WorkingDir: workdir }),
      ...(user === null ? {} : { User: user }),
      ...(Object.keys(labels).length === 0 ? {} : { Labels: { ...container?.Labels, ...labels } }),
    },
    rootfs: { ...rootfs, diff_ids: [...rootfs.diff_ids, layer.diffId] },
    // One that the base lacks would have fewer layers than the image: readers count both.
    ...(history == null && base.manifest.layers.length > 0
      ? {}
      : { history: [...(history ?? []), { created_by: by }] }),
  };
  const configBytes = bytesOf(config);
  const isDocker = base.stored.mediaType.includes("docker");
  const manifest: Image["manifest"] = {
    ...base.manifest,
    mediaType: base.stored.mediaType,
    config: { mediaType: base.manifest.config.mediaType, digest: digestOf(configBytes), size: configBytes.length },
    layers: [
      ...base.manifest.layers,
      {
        mediaType: isDocker
          ? "application/vnd.docker.image.rootfs.diff.tar.gzip"
          : "application/vnd.oci.image.layer.v1.tar+gzip",
        digest: layer.digest,
        size: layer.size,
      },
    ],
  };
  const bytes = bytesOf(manifest);
  const stored = { digest: digestOf(bytes), mediaType: base.stored.mediaType, bytes };
  // Read as they would be from the registry, which may order members otherwise: what is put on top must not depend on the way.
  return { stored, manifest: readManifest(stored), config: readConfig(configBytes), configBytes };
}

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
}

function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
