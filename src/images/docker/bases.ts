import type { Context } from "../../domain/context.ts";
import { UserError } from "../../domain/errors.ts";
import type { Digest, Platform } from "../../domain/identifiers.ts";
import { openHost } from "../access.ts";
import { readBase } from "../base.ts";
import type { ImageClients } from "../clients.ts";
import { headManifest } from "../manifests.ts";
import { parseReference, wanted } from "../reference.ts";
import { AccessRefused } from "../refusal.ts";
import type { Registry } from "../registry.ts";
import type { NamedImage } from "./dockerfile.ts";

/** An image that a Dockerfile takes, as it is now. */
export interface ResolvedImage extends NamedImage {
  /** Null: its registry does not let us look; docker may be logged in to it. */
  readonly digest: Digest | null;
  readonly registry: Registry;
  readonly repository: string;
}

/**
 * Finds out what the images of a Dockerfile are now: one HEAD each, and none for those that are pinned.
 * @param file the Dockerfile, for what is said of it
 * @throws UserError for one that is not there
 */
export async function resolveImages(
  clients: ImageClients,
  context: Context,
  images: readonly NamedImage[],
  file: string,
): Promise<readonly ResolvedImage[]> {
  return Promise.all(images.map(async (image) => ({ ...image, ...(await resolve(clients, context, image, file)) })));
}

/**
 * BuildKit takes an image of one platform for any, calls what it builds upon it one of the wanted platform, and a container of that
 * starts and fails.
 * @throws UserError for a base that is not made for the platform
 */
export async function checkPlatforms(
  images: readonly ResolvedImage[],
  platform: Platform,
  file: string,
): Promise<void> {
  for (const { reference, registry, repository, digest, line, use, ownPlatform } of images) {
    if (digest === null || ownPlatform || use !== "stage") continue;
    try {
      await readBase({ reference, registry, repository, digest, floats: false }, platform);
    } catch (error) {
      // Docker may be logged in to it.
      if (error instanceof AccessRefused) continue;
      if (!(error instanceof UserError)) throw error;
      const { what, fix } = error;
      throw new UserError({ what, where: { file, line, column: 1 }, fix }, { cause: error });
    }
  }
}

async function resolve(
  clients: ImageClients,
  context: Context,
  { reference, line }: NamedImage,
  file: string,
): Promise<Pick<ResolvedImage, "digest" | "registry" | "repository">> {
  const where = { file, line, column: 1 };
  const parsed = parseReference(asDocker(reference), `${file}:${line}`);
  const registry = await openHost(clients, context, parsed.host ?? "docker.io");
  const isOwn = registry === clients.registry;
  const { repository } = parsed;
  if (parsed.digest !== null) return { digest: parsed.digest, registry, repository };
  let found: Digest | null;
  try {
    found = await headManifest(registry, repository, wanted(parsed));
  } catch (error) {
    // With a login of its own, docker may get it all the same. Out of reach is no answer: the key would be another one each time.
    if (isOwn || !(error instanceof AccessRefused)) throw error;
    return { digest: null, registry, repository };
  }
  if (found !== null) return { digest: found, registry, repository };
  throw new UserError({
    what: `The image ${reference} is not there.`,
    where,
    fix: "Check its name and tag, and that it is pushed.",
  });
}

/** A Dockerfile's names are Docker's: without a host they are of Docker Hub. */
function asDocker(reference: string): string {
  const [first = ""] = reference.split("/");
  const hasHost = reference.includes("/") && (/[.:]/.test(first) || first === "localhost");
  return hasHost ? reference : `docker.io/${reference}`;
}
