import { DescribeParametersCommand } from "@aws-sdk/client-ssm";
import type { Context } from "../domain/context.ts";
import { type ImagePart, imageOf, type Release, type Source } from "../domain/release.ts";
import {
  type CopyObservation,
  type ImageClients,
  type ImageObservation,
  type ImageRequest,
  imageIsThere,
  observeImage,
  planCopy,
  planImage,
} from "../images/index.ts";
import { readScripts } from "../migrations/read-scripts.ts";
import { pathInCheckout } from "../stack/findings.ts";
import { checkCheckout, type Image, type Stack } from "../stack/index.ts";
import type { Clients } from "./connections.ts";
import type { History } from "./history.ts";
import type { Observation } from "./observation.ts";
import { observeDefinitions } from "./observe/definitions.ts";
import { beforeOf, observeServicesByKey } from "./observe/services.ts";
import { observePromoted, type Promotion } from "./promotion.ts";

/** What observation reads, and what applying needs of it again. */
export interface Observed {
  readonly observation: Observation;
  /** Of those that are made of the checkout. */
  readonly images: Readonly<Record<string, ImageObservation>>;
  /** Of those that another environment has, by what names them. */
  readonly copies: Readonly<Record<string, CopyObservation>>;
}

/** What a release is about. */
export interface About {
  /** The stack with the components of it only. */
  readonly scope: Stack;
  /** null: its images are made of the checkout. */
  readonly promotion: Promotion | null;
  /** Images of another registry may be copied. */
  readonly copyImages: boolean;
}

/** Reads all that a plan is made of. Changes nothing. */
export async function observe(
  clients: Clients,
  imageClients: ImageClients,
  context: Context,
  stack: Stack,
  checkout: { readonly root: string; readonly source: Source },
  history: Pick<History, "currentRelease" | "unfinished">,
  about: About,
): Promise<Observed> {
  const current = history.currentRelease;
  const { scope, promotion } = about;
  const [services, { images, copies }, parameters, scripts] = await Promise.all([
    observeServicesByKey(clients, stack, history),
    lookAtImages(imageClients, context, about, checkout, current),
    parameterNames(clients, scope),
    // The checkout has nothing to say of images that were made elsewhere.
    promotion === null ? migrationScripts(scope, checkout.root) : {},
  ]);
  const before = beforeOf(services, history);
  const definitions = await observeDefinitions(clients, scope, services, before, current);
  const plans = Object.fromEntries([
    ...Object.entries(images).map(([key, image]) => [key, planImage(image)] as const),
    ...Object.entries(copies).map(([key, copy]) => [key, planCopy(copy)] as const),
  ]);
  // What is promoted says of each service which image it runs.
  const keepable = promotion === null ? await keepableImages(imageClients, scope, current, plans) : {};
  const observation = {
    source: checkout.source,
    current,
    services,
    before,
    definitions,
    images: plans,
    keepable,
    parameters,
    promoted: promotion,
    scripts,
  };
  return { observation, images, copies };
}

async function lookAtImages(
  clients: ImageClients,
  context: Context,
  { scope, promotion, copyImages }: About,
  checkout: { readonly root: string; readonly source: Source },
  current: Release | null,
): Promise<Pick<Observed, "images" | "copies">> {
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

/** What alembic will find in images of layers: a Dockerfile does not say where it copies what. */
async function migrationScripts({ migrations, images }: Stack, root: string): Promise<Observation["scripts"]> {
  const found = await Promise.all(
    migrations.map(async ({ name, tool, image, workdir }) => {
      const building = images[image]?.building;
      if (tool !== "alembic" || building?.kind !== "layers") return [];
      const pathOf = (path: string): string | null => pathInCheckout(building, path);
      const folder = workdir ?? building.workdir ?? defaultWorkdir;
      return [[name, await readScripts({ root, pathOf }, folder)] as const];
    }),
  );
  return Object.fromEntries(found.flat());
}

/** Working directory of an image whose layers name none. */
const defaultWorkdir = "/app";

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
async function keepableImages(
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

/** Names only: a plan must not read values. */
async function parameterNames(
  { ssm }: Clients,
  { services, runs, migrations }: Stack,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const tasks = [
    ...Object.values(services),
    ...(runs.kind === "ecs" ? Object.values(runs.definitions) : []),
    ...migrations,
  ];
  const paths = [...new Set(tasks.flatMap(({ variables }) => variables.parameterPaths.map(({ path }) => path)))];
  const names = await Promise.all(
    paths.map(async (path) => {
      const found: string[] = [];
      let NextToken: string | undefined;
      do {
        const filters = [{ Key: "Path", Option: "OneLevel", Values: [path.replace(/\/$/, "")] }];
        const page = await ssm(new DescribeParametersCommand({ ParameterFilters: filters, NextToken }), {
          resource: `parameters below ${path}`,
        });
        found.push(...(page.Parameters ?? []).flatMap(({ Name }) => Name ?? []));
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      return [path, found.sort()] as const;
    }),
  );
  return Object.fromEntries(names);
}
