import type { Context } from "../../domain/context.ts";
import { type ImagePart, imageOf, type Release, type Source } from "../../domain/release.ts";
import {
  cacheTag,
  type CopyObservation,
  type ImageClients,
  type DockerRequest,
  imageIsThere,
  type MakingObservation,
  type MakingRequest,
  observeMaking,
} from "../../images/index.ts";
import { checkCheckout, type Dockerfile, type Image, type Stack } from "../../stack/index.ts";
import type { Observation } from "../observation.ts";
import { observePromoted, type Promotion } from "../promotion.ts";

/** What a release is about. */
export interface About {
  /** The stack with the components of it only. */
  readonly scope: Stack;
  /** null: its images are made of the checkout. */
  readonly promotion: Promotion | null;
  /** Images of another registry may be copied. */
  readonly copyImages: boolean;
  /** The checkout differs from its commit: images of it do not bear the commit's name. */
  readonly isDirty: boolean;
}

/** What applying needs of images again. */
export interface ObservedImages {
  /** Of those that are made of the checkout. */
  readonly images: Readonly<Record<string, MakingObservation>>;
  /** Of those that another environment has, by what names them. */
  readonly copies: Readonly<Record<string, CopyObservation>>;
}

/** Looks at those that a release will make, or copy. @throws UserError for a checkout that lacks something */
export async function lookAtImages(
  clients: ImageClients,
  context: Context,
  { scope, promotion, copyImages, isDirty }: About,
  checkout: { readonly root: string; readonly source: Source },
  current: Release | null,
): Promise<ObservedImages> {
  if (promotion !== null) return { images: {}, copies: await observePromoted(clients, promotion, scope, copyImages) };
  return { images: await observeImages(clients, context, scope, { ...checkout, isDirty }, current), copies: {} };
}

interface Checkout {
  readonly root: string;
  readonly source: Source;
  readonly isDirty: boolean;
}

async function observeImages(
  clients: ImageClients,
  context: Context,
  stack: Stack,
  checkout: Checkout,
  current: Release | null,
): Promise<Readonly<Record<string, MakingObservation>>> {
  await checkCheckout(stack, checkout.root);
  const found = await Promise.all(
    Object.values(stack.images).map(async (image) => {
      const released = current?.images[image.key] ?? null;
      return [image.key, await observeMaking(clients, context, imageRequest(image, checkout), released)] as const;
    }),
  );
  return Object.fromEntries(found);
}

/** Working directory of an image whose layers name none. */
export const defaultWorkdir = "/app";

function imageRequest(image: Image, { root, source, isDirty }: Checkout): MakingRequest {
  const { repository, create, platform, building } = image;
  if (building.kind === "dockerfile") return dockerRequest(image, building, { root, source, isDirty });
  const { base, requirements, groups, python, prepare, files, made, workdir, environment, user, places } = building;
  return {
    way: "layers",
    repository,
    createRepository: create,
    platform,
    source,
    isDirty,
    root,
    place: image.place,
    base: base.kind === "image" ? base.reference : base.dockerfile,
    dockerBase: base.kind === "image" ? null : dockerRequest(image, base, { root, source, isDirty }),
    requirements,
    groups,
    prepare,
    files,
    generated: made,
    workdir: workdir ?? defaultWorkdir,
    environment,
    user,
    python,
    places,
  };
}

function dockerRequest(
  { repository, create, platform }: Image,
  { place, context, dockerfile, target, arguments: given, secrets, cache, provenance, lock }: Dockerfile,
  { root, source, isDirty }: Checkout,
): DockerRequest {
  return {
    way: "docker",
    repository,
    createRepository: create,
    platform,
    source,
    isDirty,
    root,
    context,
    dockerfile,
    target,
    arguments: given,
    secrets,
    cache: cache === "registry" ? { tag: cacheTag(target) } : null,
    cacheFrom: [],
    cacheTo: [],
    noCache: false,
    provenance,
    lock,
    builder: null,
    place,
  };
}

/** Those that move with their image keep none. One that the registry has lost could not start another task. */
export async function keepableImages(
  clients: ImageClients,
  { services }: Stack,
  current: Release | null,
  plans: Observation["images"],
): Promise<Observation["keepable"]> {
  if (current === null) return {};
  const known = new Set(
    Object.values(plans).flatMap(({ way, digest }) => (way === "layers" || way === "docker" ? [] : [digest])),
  );
  const found = await Promise.all(
    Object.values(services).map(async (service): Promise<readonly (readonly [string, ImagePart])[]> => {
      const part = imageOf(current, service);
      if (service.movesWith === "image" || part === undefined) return [];
      const isThere = known.has(part.digest) || (await imageIsThere(clients, part.repository, part.digest));
      return isThere ? [[service.key, part]] : [];
    }),
  );
  return Object.fromEntries(found.flat());
}
