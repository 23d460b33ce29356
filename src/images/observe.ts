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
import { type Archive, buildArchive } from "../files/archive.ts";
import { findDependencies } from "./dependencies.ts";
import { findHolding, type Observed, readFormer } from "./holding.ts";
import { hashLocalPackages } from "./local-packages.ts";
import type { Lock } from "./lock.ts";
import { readLock } from "./lock-files.ts";
import type { Image, NewImage } from "./manifest.ts";
import { headManifest } from "./manifests.ts";
import { commitTagOf } from "./naming.ts";
import type { ImageRequest } from "./request.ts";
import { readSources, type Sources } from "../files/sources.ts";
import { checkTools, lackOf } from "./tools.ts";

/** What an image is to be made of, and what the registry has of it. */
export interface ImageObservation extends Observed<RecordedInputs> {
  readonly request: ImageRequest;
  readonly inputs: Inputs;
  readonly base: Base;
  readonly lock: Lock | null;
  readonly sources: Sources;
  /** Base and packages, when they were put together before. */
  readonly dependencies: Image | null;
  /** The image that will be pushed, when all of it is known already. */
  readonly ahead: Ahead | null;
}

export interface Ahead {
  readonly layer: Archive;
  readonly image: NewImage;
}

/**
 * Reads what goes into an image, and asks the registry whether it has one of that content.
 *
 * @param released the image as the current release pins it: what has changed is said against it. Null for the first release.
 * @param builtBase the base, when it is built from a Dockerfile: `request.base` is not looked up then
 * @throws UserError for inputs that cannot be used, and for a repository that is not there and is not to be made.
 */
export async function observeImage(
  clients: ImageClients,
  context: Context,
  request: ImageRequest,
  released: ImagePart | null,
  builtBase: Base | null = null,
): Promise<ImageObservation> {
  const { registry } = clients;
  const [base, sources, requirements] = await Promise.all([
    builtBase ??
      resolveBase(clients, context, request.base).catch((error: unknown) => {
        throw atPlace(error, request.places?.base);
      }),
    readSources(request, context.signal),
    readRequirements(request),
  ]);
  const localPackages = await hashLocalPackages(request, requirements?.lock ?? null, context.signal);
  const inputs: Inputs = {
    scheme: 4,
    platform: request.platform,
    base: base.digest,
    python: request.python,
    requirements: requirements?.sha256 ?? null,
    groups: [...request.groups].sort(),
    localPackages,
    prepare: request.prepare,
    user: request.user,
    workdir: request.workdir,
    environment: request.environment,
    files: sources.files,
  };
  const key = contentKey(inputs);
  const { ofSha, ...holding } = await findHolding(clients, request, key, released);
  const [dependencies, former] = await Promise.all([
    holding.found === null && holding.hasRepository ? findDependencies(registry, request, inputs) : null,
    readFormer(clients, holding, request, released, { label: inputsLabel, read: readRecordedInputs }),
  ]);
  const isMade = holding.found === null && (dependencies === null || request.prepare.length > 0);
  // What its commands will write is not known before they have run.
  const isKnown = dependencies !== null && request.prepare.length === 0;
  const ahead = !isKnown ? null : await lookAhead(dependencies, sources, inputs, context.signal);
  const digest = holding.found?.digest ?? ahead?.image.stored.digest ?? null;
  return {
    ...holding,
    request,
    contentKey: key,
    inputs,
    base,
    lock: requirements?.lock ?? null,
    sources,
    commitTag: await commitTagOf(clients, request, key, { ...holding, ofSha }, digest),
    former,
    lacks: isMade && requirements !== null ? await lackOf(() => checkTools(request, requirements.lock)) : null,
    dependencies,
    ahead,
  };
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
  const layer = await buildArchive(sources.entries, { kind: "memory" }, signal);
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
  groups,
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
  return { sha256, lock: readLock(bytes.toString(), requirements, groups) };
}
