import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Digest, Platform } from "../domain/identifiers.ts";
import { openHost } from "./access.ts";
import { readBlob } from "./blobs.ts";
import type { ImageClients } from "./clients.ts";
import { type Image, isFor, nameOf, platformsOf, readConfig, readManifest } from "./manifest.ts";
import { getManifest, headManifest } from "./manifests.ts";
import { parseReference, wanted } from "./reference.ts";
import type { Registry } from "./registry.ts";

/** The image that another one is built upon, as it is now. */
export interface Base {
  /** As the user wrote it. */
  readonly reference: string;
  readonly registry: Registry;
  readonly repository: string;
  /** Of an image, or of an index of several platforms. */
  readonly digest: Digest;
  /** No tag, or `latest`: it may be anything tomorrow. */
  readonly floats: boolean;
}

/**
 * Finds out what the base is now: one HEAD, and none when it is pinned.
 * @throws UserError when it is not there.
 */
export async function resolveBase(
  clients: Pick<ImageClients, "registry" | "ecr">,
  context: Context,
  reference: string,
): Promise<Base> {
  const own = clients.registry;
  const parsed = parseReference(reference, "base");
  const { host, repository, digest, tag } = parsed;
  const registry = host === null ? own : await openHost(clients, context, host);
  const found = digest ?? (await headManifest(registry, repository, wanted(parsed)));
  if (found === null) {
    throw new UserError({
      what: `The base image ${reference} is not there.`,
      where: registry.endpoint,
      fix:
        registry === own
          ? "Push it to this registry first. An image of Docker Hub is written docker.io/library/python:3.12-slim."
          : "Check its name and tag.",
    });
  }
  return { reference, registry, repository, digest: found, floats: digest === null && (tag ?? "latest") === "latest" };
}

/**
 * Reads the base for one platform.
 * @throws UserError when it does not exist for that platform.
 */
export async function readBase(base: Base, platform: Platform): Promise<Image> {
  const { reference, registry, repository } = base;
  const read = async (digest: Digest) => {
    const found = await getManifest(registry, repository, digest);
    if (found.kind === "found") return found.manifest;
    throw new UserError({
      what: `The base image ${reference} is not there: its registry does not know ${digest}.`,
      where: registry.endpoint,
      fix: "Check the digest. Images that no tag names any more are removed by some registries.",
    });
  };
  let stored = await read(base.digest);
  const platforms = platformsOf(stored);
  if (platforms !== null) {
    const child = platforms.get(platform);
    if (child === undefined) throw wrongPlatform(base, platform, [...platforms.keys()]);
    stored = await read(child);
  }
  const manifest = readManifest(stored);
  const config = readConfig(await readBlob(registry, repository, manifest.config));
  if (!isFor(config, platform)) throw wrongPlatform(base, platform, [nameOf(config)]);
  if (manifest.layers.length !== config.rootfs.diff_ids.length) {
    throw new UserError({
      what: `The base image ${reference} contradicts itself: it has ${manifest.layers.length} layers and names ${config.rootfs.diff_ids.length}.`,
      where: registry.endpoint,
      fix: "Push it anew, or use another one.",
    });
  }
  return { stored, manifest, config };
}

function wrongPlatform({ reference, registry }: Base, platform: Platform, has: readonly string[]): UserError {
  return new UserError({
    what: `The base image ${reference} is not made for ${platform}, but for ${has.join(", ") || "nothing"}.`,
    where: registry.endpoint,
    fix: "Set the platform of the image to one of these, or use a base that is made for this one.",
  });
}
