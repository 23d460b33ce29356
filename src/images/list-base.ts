import { createReadStream } from "node:fs";
import { posix } from "node:path";
import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress, gunzipSync } from "node:zlib";
import * as z from "zod";
import { type BaseFiles, isLoaderFile, isTelling } from "./base-files.ts";
import { readBlob, uploadBlob } from "./blobs.ts";
import { newest, readElf } from "./elf.ts";
import { buildArchive } from "../files/archive.ts";
import { digestOf, type Image, manifestTypes, readManifest, withLayer } from "./manifest.ts";
import { getManifest, putManifest } from "./manifests.ts";
import { readTar, type TarMember } from "../files/read-tar.ts";
import type { Registry } from "./registry.ts";

/** What layers have shown so far, the lowest first. */
export interface BaseListing {
  /** @param path of the layer's file; `mediaType` as the manifest has it */
  add(path: string, mediaType: string): Promise<void>;
  files(): BaseFiles;
}

/** Begins a listing of an image whose layers are at hand. */
export function listBase(): BaseListing {
  let files = new Set<string>();
  let links = new Map<string, string>();
  let loaderFiles = new Map<string, string>();
  let glibc: string | null = null;

  const without = (gone: (path: string) => boolean): void => {
    files = new Set([...files].filter((path) => !gone(path)));
    links = new Map([...links].filter(([path]) => !gone(path)));
    loaderFiles = new Map([...loaderFiles].filter(([path]) => !gone(path)));
  };
  return {
    add: async (path, mediaType) => {
      const members: TarMember[] = [];
      for await (const member of readTar(unpacked(path, mediaType), wants)) {
        if (posix.basename(member.path).startsWith(".wh.")) hide(member.path, without);
        else members.push(member);
      }
      for (const member of members) {
        const { path: name, kind, target, bytes } = member;
        if (kind === "symlink" && isLinkOfInterest(name)) links.set(name, target);
        if ((kind === "file" || kind === "hardlink") && isTelling(name)) files.add(name);
        if (bytes === null) continue;
        if (isLoaderFile(name)) loaderFiles.set(name, bytes.toString());
        else glibc = newest([...(glibc === null ? [] : [glibc]), ...((await glibcIn(bytes)) ?? [])]);
      }
    },
    files: () => ({
      files: [...files].sort(),
      links: Object.fromEntries([...links].sort(([a], [b]) => (a < b ? -1 : 1))),
      loaderFiles: Object.fromEntries([...loaderFiles].sort(([a], [b]) => (a < b ? -1 : 1))),
      glibc,
    }),
  };
}

/**
 * What was listed of this base before: it is kept beside the images that stand on it, since a base of a hundred megabytes is not to
 * be read again for each lock file.
 */
export async function findListing(registry: Registry, repository: string, base: Image): Promise<BaseFiles | null> {
  const found = await getManifest(registry, repository, tagOf(base));
  if (found.kind !== "found") return null;
  const [layer] = readManifest(found.manifest).layers;
  if (layer === undefined) return null;
  const archive = gunzipSync(await readBlob(registry, repository, layer));
  for await (const { bytes } of readTar(Readable.from([archive]), () => true)) {
    const parsed = listingSchema.safeParse(JSON.parse((bytes ?? "null").toString()));
    if (parsed.success) return parsed.data;
  }
  return null;
}

/** Keeps a listing as an image of one file: every registry takes that. */
export async function keepListing(
  registry: Registry,
  repository: string,
  base: Image,
  listing: BaseFiles,
  signal: AbortSignal,
): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(listing));
  const content = { kind: "bytes", bytes } as const;
  const entry = { kind: "file", path: "base.json", executable: false, size: bytes.length, content } as const;
  const layer = await buildArchive([entry], { kind: "memory" }, signal);
  const { architecture, os } = base.config;
  const image = withLayer(emptyImage(architecture, os), {
    layer,
    by: "dagster-ecs: what the base has",
    environment: null,
    workdir: null,
    user: null,
    labels: {},
  });
  const config = {
    digest: image.manifest.config.digest,
    content: { kind: "memory", bytes: image.configBytes } as const,
  };
  await uploadBlob(registry, repository, layer, { ask: false });
  await uploadBlob(registry, repository, config, { ask: false });
  await putManifest(registry, repository, tagOf(base), image.stored);
}

const listingSchema = z.object({
  files: z.array(z.string()),
  links: z.record(z.string(), z.string()),
  loaderFiles: z.record(z.string(), z.string()),
  glibc: z.string().nullable(),
});

/** Counted up when listings tell something else. */
const listingVersion = 1;

function tagOf({ stored }: Image): string {
  return `base-${listingVersion}-${stored.digest.slice("sha256:".length, "sha256:".length + 40)}`;
}

function emptyImage(architecture: string, os: string): Image {
  const config = { architecture, os, rootfs: { type: "layers", diff_ids: [] } };
  const bytes = Buffer.from(JSON.stringify(config));
  const descriptor = {
    mediaType: "application/vnd.oci.image.config.v1+json",
    digest: digestOf(bytes),
    size: bytes.length,
  };
  const manifest = { schemaVersion: 2 as const, mediaType: manifestTypes[0], config: descriptor, layers: [] };
  return { stored: { digest: descriptor.digest, mediaType: manifestTypes[0], bytes }, manifest, config };
}

/** glibc itself is read, for its version; texts of the loader for the folders in them. */
function wants(path: string, size: number): boolean {
  return isLoaderFile(path) ? size < 1 << 20 : /\/libc(-2\.\d+\.so|\.so\.6)$/.test(path) && size < 1 << 24;
}

async function glibcIn(bytes: Buffer): Promise<readonly string[] | null> {
  const elf = await readElf(async (offset, length) => bytes.subarray(offset, offset + length));
  return elf?.definesGlibc === undefined || elf.definesGlibc === null ? null : [elf.definesGlibc];
}

/** Links of the upper folders lead to libraries (`/lib` to `/usr/lib`); of all others only libraries count. */
function isLinkOfInterest(path: string): boolean {
  return path.split("/").length <= 3 || /\.so(\.|$)/.test(posix.basename(path));
}

/** Source: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts */
function hide(path: string, without: (gone: (path: string) => boolean) => void): void {
  const folder = posix.dirname(path);
  const name = posix.basename(path);
  const hidden = name === ".wh..wh..opq" ? folder : posix.join(folder, name.slice(".wh.".length));
  without((one) => one === hidden || one.startsWith(`${hidden}/`));
}

function unpacked(path: string, mediaType: string): AsyncIterable<Buffer> {
  const compressed = createReadStream(path, { highWaterMark: 1 << 20 });
  const through = /gzip/.test(mediaType) ? createGunzip() : /zstd/.test(mediaType) ? createZstdDecompress() : null;
  if (through === null) return compressed;
  compressed.on("error", (error) => through.destroy(error));
  return compressed.pipe(through);
}
