import type { Context } from "../../domain/context.ts";
import { type ImagePart, imageOf, type Release, type Source } from "../../domain/release.ts";
import {
  type CopyObservation,
  type ImageClients,
  type ImageObservation,
  type ImageRequest,
  imageIsThere,
  observeImage,
} from "../../images/index.ts";
import { checkCheckout, type Image, type Stack } from "../../stack/index.ts";
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
}

/** What applying needs of images again. */
export interface ObservedImages {
  /** Of those that are made of the checkout. */
  readonly images: Readonly<Record<string, ImageObservation>>;
  /** Of those that another environment has, by what names them. */
  readonly copies: Readonly<Record<string, CopyObservation>>;
}

/** Looks at those that a release will make, or copy. @throws UserError for a checkout that lacks something */
export async function lookAtImages(
  clients: ImageClients,
  context: Context,
  { scope, promotion, copyImages }: About,
  checkout: { readonly root: string; readonly source: Source },
  current: Release | null,
): Promise<ObservedImages> {
  if (promotion !== null) return { images: {}, copies: await observePromoted(clients, promotion, scope, copyImages) };
  return { images: await observeImages(clients, context, scope, checkout, current), copies: {} };
}

async function observeImages(
  clients: ImageClients,
  context: Context,
  stack: Stack,
  checkout: { readonly root: string; readonly source: Source },
  current: Release | null,
): Promise<Readonly<Record<string, ImageObservation>>> {
  await checkCheckout(stack, checkout.root);
  const found = await Promise.all(
    Object.values(stack.images).map(async (image) => {
      const request = imageRequest(image, checkout);
      return request === null
        ? []
        : [[image.key, await observeImage(clients, context, request, current?.images[image.key] ?? null)] as const];
    }),
  );
  return Object.fromEntries(found.flat());
}

/** Working directory of an image whose layers name none. */
export const defaultWorkdir = "/app";

/** @returns null for a way of building that this version does not know. */
function imageRequest(
  { repository, platform, building }: Image,
  { root, source }: { readonly root: string; readonly source: Source },
): ImageRequest | null {
  if (building.kind !== "layers" || building.base.kind !== "image" || building.prepare.length > 0) return null;
  const { requirements, files, workdir, places } = building;
  return {
    way: "layers",
    repository,
    createRepository: false,
    platform,
    source,
    root,
    base: building.base.reference,
    requirements,
    files,
    generated: {},
    workdir: workdir ?? defaultWorkdir,
    environment: {},
    python: null,
    places,
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
  const known = new Set(Object.values(plans).flatMap(({ way, digest }) => (way === "layers" ? [] : [digest])));
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
