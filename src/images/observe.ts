import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../domain/context.ts";
import { type Place, UserError } from "../domain/errors.ts";
import type { Digest } from "../domain/identifiers.ts";
import type { ImagePart } from "../domain/release.ts";
import { type Base, resolveBase } from "./base.ts";
import type { ImageClients } from "./clients.ts";
import { inputsLabel, type RecordedInputs, readRecordedInputs } from "./compare.ts";
import { codeImage } from "./compose.ts";
import { contentKey, type Inputs } from "./content-key.ts";
import { findDependencies, readImage } from "./dependencies.ts";
import { buildLayer, type Layer } from "./layer.ts";
import { type Lock, parseLock } from "./lock.ts";
import type { Image, NewImage, StoredManifest } from "./manifest.ts";
import { getManifest, headManifest } from "./manifests.ts";
import { noRepository } from "./refusal.ts";
import type { ImageRequest } from "./request.ts";
import { readSources, type Sources } from "./sources.ts";

/** What an image is to be made of, and what the registry has of it. */
export interface ImageObservation {
  readonly request: ImageRequest;
  readonly contentKey: string;
  readonly inputs: Inputs;
  readonly base: Base;
  readonly lock: Lock | null;
  readonly sources: Sources;
  readonly hasRepository: boolean;
  /** The image of this very content, when it was made before. */
  readonly found: StoredManifest | null;
  /** The current release's pin of the image that was found: it keeps the commit that it was made of, and the tag of that. */
  readonly kept: ImagePart | null;
  readonly commitTag: CommitTag;
  readonly former: Former | null;
  /** Base and packages, when they were put together before. */
  readonly dependencies: Image | null;
  /** The image that will be pushed, when all of it is known already. */
  readonly ahead: Ahead | null;
}

/**
 * The tag by which the commit names the image: its SHA. One commit may give several images, though (two in one repository, an
 * environment that sets other files, a base that moved), and a tag that was given never moves: then SHA and content key.
 */
export interface CommitTag {
  readonly name: string;
  /** What it names already. */
  readonly digest: Digest | null;
}

/** The image that is released now, as its record and its label tell of it. */
export interface Former {
  readonly contentKey: string;
  readonly inputs: RecordedInputs | null;
}

export interface Ahead {
  readonly layer: Layer;
  readonly image: NewImage;
}

/**
 * Reads what goes into an image, and asks the registry whether it has one of that content.
 *
 * @param released the image as the current release pins it: what has changed is said against it. Null for the first release.
 * @throws UserError for inputs that cannot be used, and for a repository that is not there and is not to be made.
 */
export async function observeImage(
  clients: ImageClients,
  context: Context,
  request: ImageRequest,
  released: ImagePart | null,
): Promise<ImageObservation> {
  const { registry } = clients;
  const { repository, source } = request;
  const [base, sources, requirements] = await Promise.all([
    resolveBase(clients, context, request.base).catch((error: unknown) => {
      throw atPlace(error, request.places?.base);
    }),
    readSources(request, context.signal),
    readRequirements(request),
  ]);
  const inputs: Inputs = {
    scheme: 2,
    platform: request.platform,
    base: base.digest,
    python: request.python,
    requirements: requirements?.sha256 ?? null,
    workdir: request.workdir,
    environment: request.environment,
    files: sources.files,
  };
  const key = contentKey(inputs);
  const [lookup, ofSha] = await Promise.all([
    getManifest(registry, repository, `src-${key}`),
    headManifest(registry, repository, source.sha),
  ]);
  if (lookup.kind === "no-repository" && !request.createRepository) throw noRepository(repository, registry.endpoint);
  const found = lookup.kind === "found" ? lookup.manifest : null;
  const isNew = found === null && lookup.kind !== "no-repository";
  const [dependencies, former] = await Promise.all([
    isNew ? findDependencies(registry, repository, inputs) : null,
    isNew && released?.repository === repository ? readFormer(clients, released) : null,
  ]);
  const ahead = dependencies === null ? null : await lookAhead(dependencies, sources, inputs, context.signal);
  const digest = found?.digest ?? ahead?.image.stored.digest ?? null;
  const commitTag = { name: source.sha, digest: ofSha };
  const isKept = found !== null && released?.repository === repository && released.digest === found.digest;
  return {
    request,
    contentKey: key,
    inputs,
    base,
    lock: requirements?.lock ?? null,
    sources,
    hasRepository: lookup.kind !== "no-repository",
    found,
    kept: isKept ? released : null,
    commitTag: ofSha === null || ofSha === digest || isKept ? commitTag : await longCommitTag(registry, request, key),
    former,
    dependencies,
    ahead,
  };
}

/** The longer tag of the commit, for an image whose neighbour has the short one. */
export async function longCommitTag(
  registry: ImageClients["registry"],
  { repository, source }: ImageRequest,
  key: string,
): Promise<CommitTag> {
  const name = `${source.sha}-${key.slice(0, 12)}`;
  return { name, digest: await headManifest(registry, repository, name) };
}

/** Does the repository still have the image of this digest? */
export async function imageIsThere({ registry }: ImageClients, repository: string, digest: Digest): Promise<boolean> {
  return (await headManifest(registry, repository, digest)) !== null;
}

/** Code up to this many bytes is packed while looking, in memory: then the digest is known before anything is pushed. */
const largestAhead = 32 * 1024 * 1024;

async function lookAhead(
  dependencies: Image,
  sources: Sources,
  inputs: Inputs,
  signal: AbortSignal,
): Promise<Ahead | null> {
  if (sources.size > largestAhead) return null;
  const layer = await buildLayer(sources.entries, { kind: "memory" }, signal);
  return { layer, image: codeImage(dependencies, layer, inputs) };
}

/** What a registry says of the base, at the place that names the base: the registry is told beside it. */
function atPlace(error: unknown, place: Place | undefined): unknown {
  if (!(error instanceof UserError) || place === undefined || typeof error.where !== "string") return error;
  const { what, where, fix, kind } = error;
  return new UserError({ what: `${what.replace(/\.$/, "")} (${where}).`, where: place, fix }, { kind, cause: error });
}

async function readRequirements({
  root,
  requirements,
  places,
}: ImageRequest): Promise<{ readonly sha256: string; readonly lock: Lock } | null> {
  if (requirements === null) return null;
  const bytes = await readFile(join(root, requirements)).catch((cause: unknown) => {
    throw new UserError(
      {
        what: `The lock file ${requirements} cannot be read.`,
        where: places?.requirements ?? requirements,
        fix: "Check the path, which starts at the root of the checkout, and that the file is committed.",
      },
      { cause },
    );
  });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { sha256, lock: parseLock(bytes.toString(), requirements) };
}

async function readFormer({ registry }: ImageClients, released: ImagePart): Promise<Former> {
  const { repository, digest, contentKey: key } = released;
  const lookup = await getManifest(registry, repository, digest);
  if (lookup.kind !== "found") return { contentKey: key, inputs: null };
  const { config } = await readImage(registry, repository, lookup.manifest);
  return { contentKey: key, inputs: readRecordedInputs(config.config?.Labels?.[inputsLabel]) };
}
