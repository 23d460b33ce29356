import { DescribeParametersCommand } from "@aws-sdk/client-ssm";
import type { Context } from "../domain/context.ts";
import { type Contract, networkSchema } from "../domain/contract.ts";
import { UserError } from "../domain/errors.ts";
import type { Before } from "../domain/journal.ts";
import { type ImagePart, imageOf, type Release, type Source } from "../domain/release.ts";
import { type Revision, sameRevision } from "../domain/verdict.ts";
import { observeServices, type ServiceNetwork, type ServiceObservation } from "../deployments/index.ts";
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
import type { Definition } from "../task-definitions/definition.ts";
import { definitionOf, newestDefinition } from "../task-definitions/observe.ts";
import type { Clients } from "./connections.ts";
import { familiesOf } from "./definitions.ts";
import { beforeUnfinished, type History } from "./history.ts";
import { type KnownDefinition, type Observation, renamedKey, replacedKey } from "./observation.ts";
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
    sql: {},
  };
  return { observation, images, copies };
}

/**
 * By the key that the stack file gives them; then what they replace, and what else unfinished releases have found, as far as that is
 * there.
 */
export async function observeServicesByKey(
  { ecs }: Pick<Clients, "ecs">,
  stack: Stack,
  history: Pick<History, "unfinished">,
): Promise<Readonly<Record<string, ServiceObservation | null>>> {
  const all = Object.values(stack.services);
  const own = all.map(({ key, service }) => [key, service] as const);
  const replaced = all.flatMap(({ key, replaces }) =>
    replaces === null ? [] : [[replacedKey(key), replaces] as const],
  );
  const left = leftServices([...own, ...replaced], history);
  const names = [...own, ...replaced, ...left].map(([, name]) => name);
  const found = await observeServices(ecs, stack.contract.cluster, names);
  const others = [
    ...replaced.flatMap(([key, name]) => (found[name] ? [[key, found[name]] as const] : [])),
    // One that was deleted is listed for a while, and goes back to nothing.
    ...left.flatMap(([key, name]) => (found[name]?.status === "ACTIVE" ? [[key, found[name]] as const] : [])),
  ];
  return Object.fromEntries([...own.map(([key, name]) => [key, found[name] ?? null] as const), ...others]);
}

/** Services that unfinished releases have found, and the stack file does not name any more: under their former keys where these are free. */
function leftServices(
  known: readonly (readonly [key: string, name: string])[],
  history: Pick<History, "unfinished">,
): readonly (readonly [key: string, name: string])[] {
  const taken = new Set(known.map(([key]) => key));
  const names = new Set(known.map(([, name]) => name));
  return [...beforeUnfinished(history)].flatMap(([name, { key }]) => {
    if (names.has(name)) return [];
    const free = taken.has(key) ? renamedKey(name) : key;
    taken.add(free);
    return [[free, name] as const];
  });
}

/** As they are now; but where a release was cut or has failed, as they were before it. */
export function beforeOf(
  services: Observation["services"],
  history: Pick<History, "unfinished">,
): Observation["before"] {
  const former = beforeUnfinished(history);
  const before = Object.entries(services).flatMap(([key, service]): [string, Before][] => {
    if (service === null) return [];
    const { name, revision: taskDefinition, desiredCount } = service;
    return [[key, former.get(name)?.before ?? { service: name, taskDefinition, desiredCount }]];
  });
  return Object.fromEntries(before);
}

/**
 * Network of tasks that are not of a service.
 * @throws UserError when the contract names it in a way that this version does not look up
 */
export async function taskNetwork(
  { ecs }: Pick<Clients, "ecs">,
  { cluster, network }: Contract,
  where: string,
): Promise<ServiceNetwork> {
  const parsed = networkSchema.parse(network);
  if ("like-service" in parsed) {
    const name = parsed["like-service"];
    const like = (await observeServices(ecs, cluster, [name]))[name]?.network ?? null;
    if (like !== null) return like;
    throw new UserError({
      what: `The contract takes its network from service ${name}, which has none or does not exist.`,
      where,
      fix: "Name a service of the cluster that runs in the VPC, or the subnets and security groups themselves.",
    });
  }
  if (Array.isArray(parsed.subnets)) {
    return {
      subnets: parsed.subnets,
      securityGroups: parsed["security-groups"],
      publicAddress: parsed["public-address"],
    };
  }
  throw new UserError({
    what: "The contract names its subnets by tags, which this version does not look up.",
    where,
    fix: "Name their ids, or a service that runs in them: `network: { like-service: … }`.",
  });
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

async function observeDefinitions(
  { ecs }: Clients,
  stack: Stack,
  services: Observation["services"],
  before: Observation["before"],
  current: Release | null,
): Promise<Readonly<Record<string, KnownDefinition>>> {
  const known = await Promise.all(
    familiesOf(stack).map(async ({ definition, family }) => {
      const key = definition.startsWith("service/") ? definition.slice("service/".length) : null;
      const newest = await newestDefinition(ecs, family);
      const pinned = current?.taskDefinitions[definition];
      const ofService =
        key === null
          ? { running: null, former: null, released: await releasedDefinition(ecs, pinned, newest) }
          : await definitionsOfService(ecs, services[key] ?? null, before[key], pinned, newest);
      return [definition, { newest, ...ofService }] as const;
    }),
  );
  return Object.fromEntries(known);
}

/** What the current release names, where that is not the newest of its family: after a rollback, say. */
function releasedDefinition(
  ecs: Clients["ecs"],
  pinned: Revision | undefined,
  newest: Definition | null,
): Promise<Definition | null> | null {
  return pinned === undefined || sameRevision(pinned, newest?.revision ?? null) ? null : definitionOf(ecs, pinned);
}

/**
 * What a service runs, what it ran before an unfinished release, and what it should run when somebody has deployed something else.
 * @param pinned by the current release
 * @param known a definition that was read already
 */
export async function definitionsOfService(
  ecs: Clients["ecs"],
  service: Observation["services"][string],
  before: Before | undefined,
  pinned: Revision | undefined,
  known: Definition | null = null,
): Promise<Pick<KnownDefinition, "running" | "former" | "released">> {
  const now = service?.revision ?? null;
  const then = before?.taskDefinition ?? null;
  const isForeign = pinned !== undefined && sameRevision(then, now) && !sameRevision(pinned, now);
  const read = (revision: Revision): Promise<Definition | null> | Definition =>
    known !== null && sameRevision(known.revision, revision) ? known : definitionOf(ecs, revision);
  const [running, former, released] = await Promise.all([
    now === null ? null : read(now),
    then === null || sameRevision(then, now) ? null : read(then),
    isForeign ? read(pinned) : null,
  ]);
  return { running, former, released };
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
