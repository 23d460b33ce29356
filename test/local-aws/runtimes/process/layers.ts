import { createHash, type Hash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { messageOf } from "../../../../src/domain/errors.ts";
import { parseImageReference } from "../tasks/image-reference.ts";
import {
  CannotPull,
  type Descriptor,
  type ImageConfig,
  openBlob,
  type Repository,
  readImage,
} from "../tasks/registry.ts";
import type { PullRequest } from "../tasks/maker.ts";
import type { Layer } from "./root-folder.ts";
import { unpack } from "./untar.ts";

/** An image that is on this machine, unpacked. */
export interface UnpackedImage {
  readonly digest: string;
  readonly config: ImageConfig;
  /** Lowest first. */
  readonly layers: readonly Layer[];
}

export interface Layers {
  /** Pulls what is not here yet. @throws CannotPull in the words that ECS has for it. */
  pull(request: PullRequest): Promise<UnpackedImage>;
}

export interface LayersOptions {
  /** Base URL of the registry, without `/v2`. */
  readonly registry: string;
  /** Big layers are kept here between beds. */
  readonly cacheFolder: string;
  /** Small ones are kept here as long as the bed lives. */
  readonly folder: string;
}

/**
 * Compressed bytes. Dependencies are above, code below: a code layer is copied for each task, so that it can write
 * there.
 */
const sharedFromBytes = 4 * 1024 * 1024;

export function createLayers({ registry, cacheFolder, folder }: LayersOptions): Layers {
  // Tasks that start together wait for one download of what they share.
  const underWay = new Map<string, Promise<void>>();

  const layer = async (repository: Repository, descriptor: Descriptor, diffId: string): Promise<Layer> => {
    const shared = descriptor.size >= sharedFromBytes;
    const unpacked = join(shared ? cacheFolder : folder, diffId.replace(":", "-"));
    const work = underWay.get(unpacked) ?? unpackLayer(repository, descriptor, diffId, unpacked);
    underWay.set(unpacked, work);
    await work.finally(() => underWay.delete(unpacked));
    return { folder: unpacked, shared };
  };

  return {
    pull: async ({ image, platform, role }) => {
      const reference = parseImageReference(image);
      if (reference === null) throw new CannotPull(`${image} is in no registry of this bed`);
      const repository = { registry, name: reference.repository, role };
      try {
        const { digest, config, layers } = await readImage(repository, reference, platform);
        const unpacked = layers.map((descriptor, at) =>
          layer(repository, descriptor, config.rootfs.diff_ids[at] ?? ""),
        );
        return { digest, config, layers: await Promise.all(unpacked) };
      } catch (error) {
        throw error instanceof CannotPull ? error : new CannotPull(messageOf(error), { cause: error });
      }
    },
  };
}

/**
 * Under its final name a layer is complete and verified; Python adds byte code to it later, which its contents bear
 * out.
 */
async function unpackLayer(
  repository: Repository,
  descriptor: Descriptor,
  diffId: string,
  target: string,
): Promise<void> {
  if (existsSync(target)) return;
  await mkdir(join(target, ".."), { recursive: true });
  const own = await mkdtemp(`${target}.`);
  try {
    const compressed = createHash("sha256");
    const plain = createHash("sha256");
    const tar = hashing(plain);
    await Promise.all([
      pipeline(await openBlob(repository, descriptor.digest), hashing(compressed), ...decompressor(descriptor), tar),
      unpack(tar, join(own, "layer")),
    ]);
    expectDigest(compressed, descriptor.digest, repository);
    expectDigest(plain, diffId, repository);
    await rename(join(own, "layer"), target).catch((error: unknown) => {
      // Another bed was faster.
      if (!existsSync(target)) throw error;
    });
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

function decompressor({ mediaType }: Descriptor): readonly NodeJS.ReadWriteStream[] {
  if (mediaType.endsWith("gzip")) return [createGunzip({ chunkSize: 1024 * 1024 })];
  if (mediaType.endsWith("tar")) return [];
  throw new CannotPull(`layers of type ${mediaType} are not read here`);
}

function hashing(hash: Hash): Transform {
  return new Transform({
    highWaterMark: 1024 * 1024,
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk);
      done(null, chunk);
    },
  });
}

function expectDigest(hash: Hash, expected: string, { name }: Repository): void {
  const digest = `sha256:${hash.digest("hex")}`;
  if (digest !== expected) throw new CannotPull(`a layer of ${name} has digest ${digest}, not ${expected}`);
}
