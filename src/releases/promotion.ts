import type { Bucket } from "../aws/bucket.ts";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { ReleaseId } from "../domain/identifiers.ts";
import { type ImagePart, keptName, type Release } from "../domain/release.ts";
import { type CopyObservation, type ImageClients, observeCopy, type Registry } from "../images/index.ts";
import type { Service, Stack } from "../stack/index.ts";
import { committed, readHistory } from "./history.ts";
import { journal } from "./journal.ts";
import type { Promoted } from "./observation.ts";
import { openOther } from "./open.ts";
import type { Session } from "./session.ts";

/** Where images are promoted from. */
export interface PromotionRequest {
  readonly environment: string;
  /** null: the one that is current there. */
  readonly release: ReleaseId | null;
}

/** A release of another environment, and the registry that its images were made in. */
export interface Promotion extends Promoted {
  readonly registry: () => Promise<Registry>;
  /** The DAGs of a location there, by their prefix. */
  readonly pointers: (prefix: string) => Bucket;
}

/**
 * Reads what is released to another environment, from its records: what was proved there is what was committed. What its services run
 * at this moment is not asked.
 * @throws UserError when nothing is released there, or not that release; AwsError when its records may not be read
 */
export async function openPromotion(
  context: Context,
  { connections, request, stack }: Session,
  { environment, release: id }: PromotionRequest,
): Promise<Promotion> {
  if (environment === stack.environment) {
    throw new UserError({
      what: `Environment ${environment} cannot be promoted to itself.`,
      where: "input from",
      fix: "Name the environment that has the images already. To release an earlier one again: `command: rollback`.",
    });
  }
  const { account } = stack;
  const other = await openOther(context, connections, request, { environment, account });
  const records = journal(other.records);
  const { currentRelease, unfinished } = await readHistory(other.records, records);
  const release = id === null ? currentRelease : await committed(records, id);
  if (release === null) {
    throw new UserError({
      what: `Nothing is released to ${environment} yet: there is nothing to promote.`,
      where: `s3://${other.records.name}/${other.records.prefix}`,
      fix: `Deploy to ${environment} first, or check the input \`from\`.`,
    });
  }
  return {
    environment,
    release,
    unfinished: unfinished.map(({ intent }) => intent.release.id),
    pointers: other.pointers,
    registry: () => connections.registryOf(context, other.clients, other.account),
  };
}

/**
 * Looks for the images of a release of another environment, here and there; also for those that its services keep, since each service
 * is to run here what it runs there.
 * @returns by what names them, as `imagesOf` does
 * @throws UserError when that release does not have all images of the scope, or one of them cannot be had
 */
export async function observePromoted(
  images: ImageClients,
  { environment, release, registry }: Promotion,
  scope: Stack,
  mayCopy: boolean,
): Promise<Readonly<Record<string, CopyObservation>>> {
  const missing = Object.keys(scope.images).filter((key) => release.images[key] === undefined);
  if (missing.length > 0) throw withoutImages(environment, release, missing);
  const opened = once(registry);
  const own = Object.keys(scope.images).map((key) => ({ name: key, key, part: release.images[key] }));
  const kept = Object.values(scope.services).map((service) => ({
    name: keptName(service.key),
    key: service.image,
    part: keptPart(release, service),
  }));
  const found = await Promise.all(
    [...own, ...kept].flatMap(({ name, key, part }) => {
      const image = scope.images[key];
      if (image === undefined || part === undefined) return [];
      const { repository, platform } = image;
      const wanted = { image: part, repository, platform, mayCopy };
      return [observeCopy(images, opened, wanted).then((seen) => [name, seen] as const)];
    }),
  );
  return Object.fromEntries(found);
}

/** What a service keeps there; nothing when here it is to run another image of the stack file. */
function keptPart({ images, kept }: Release, { key, image }: Service): ImagePart | undefined {
  const part = kept[key];
  return part !== undefined && part.repository === images[image]?.repository ? part : undefined;
}

function withoutImages(environment: string, { id }: Release, missing: readonly string[]): UserError {
  return new UserError({
    what: `Release ${id} of ${environment} has no image ${missing.join(", ")}, which the stack file describes.`,
    where: "input from",
    fix: `Deploy this stack file to ${environment} first; or name under \`only\` what that release has.`,
  });
}

/** One token is enough for all images. */
function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | null = null;
  return () => (opened ??= open());
}
