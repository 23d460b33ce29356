import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../domain/errors.ts";
import type { Context } from "../../domain/context.ts";
import type { ImagePart } from "../../domain/release.ts";
import type { ImageClients } from "../clients.ts";
import { findHolding, type Observed, readFormer } from "../holding.ts";
import { commitTagOf } from "../naming.ts";
import { lackOf } from "../tools.ts";
import { type ResolvedImage, resolveImages } from "./bases.ts";
import { checkBuilder, dockerInputsLabel } from "./buildx.ts";
import { type RecordedDockerInputs, readRecordedDockerInputs } from "./compare.ts";
import { type BuildContext, readContext } from "./context.ts";
import { readDockerfile } from "./dockerfile.ts";
import { type DockerInputs, dockerKey } from "./inputs.ts";
import type { DockerRequest } from "./request.ts";

/** What an image is to be built of, and what the registry has of it. */
export interface DockerObservation extends Observed<RecordedDockerInputs> {
  readonly way: "docker";
  readonly request: DockerRequest;
  readonly inputs: DockerInputs;
  readonly sources: BuildContext;
  readonly images: readonly ResolvedImage[];
}

/**
 * Reads what goes into a build, and asks the registry whether it has an image of that. Nothing is built; docker is only asked whether
 * it could.
 * @throws UserError for what cannot be built, and for a repository that is not there and is not to be made
 */
export async function observeBuild(
  clients: ImageClients,
  context: Context,
  request: DockerRequest,
  released: ImagePart | null,
): Promise<DockerObservation> {
  const { platform, target, provenance, dockerfile } = request;
  const sources = await readContext(request, context.signal);
  const named = readDockerfile(sources.dockerfile, {
    file: dockerfile,
    target,
    arguments: request.arguments,
    platform,
  });
  const images = await resolveImages(clients, context, named, dockerfile);
  const inputs: DockerInputs = {
    scheme: "docker-1",
    platform,
    dockerfile: createHash("sha256").update(sources.dockerfile).digest("hex"),
    target,
    arguments: request.arguments,
    secrets: Object.keys(request.secrets).sort(),
    provenance,
    images: Object.fromEntries(images.map(({ reference, digest }) => [reference, digest])),
    ...(await lockOf(request)),
    files: sources.files,
  };
  const contentKey = dockerKey(inputs);
  const { ofSha, ...holding } = await findHolding(clients, request, contentKey, released);
  const [commitTag, former, lacks] = await Promise.all([
    commitTagOf(clients, request, contentKey, { ...holding, ofSha }, holding.found?.digest ?? null),
    readFormer(clients, holding, request, released, { label: dockerInputsLabel, read: readRecordedDockerInputs }),
    holding.found === null ? lackOf(() => checkBuilder(request)) : null,
  ]);
  return { ...holding, way: "docker", request, contentKey, inputs, sources, images, commitTag, former, lacks };
}

async function lockOf({ root, lock = null, dockerfile, place }: DockerRequest): Promise<Pick<DockerInputs, "lock">> {
  if (lock === null) return {};
  const text = await readFile(join(root, lock)).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "ENOENT") throw cause;
    const where = place ?? dockerfile;
    throw new UserError(
      { what: `There is no ${lock} in the checkout.`, where, fix: "Name the lock file that the Dockerfile installs." },
      { cause },
    );
  });
  return { lock: createHash("sha256").update(text).digest("hex") };
}
