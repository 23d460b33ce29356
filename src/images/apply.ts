import { CreateRepositoryCommand } from "@aws-sdk/client-ecr";
import { isAwsError } from "../aws/error.ts";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Digest } from "../domain/identifiers.ts";
import type { ImagePart } from "../domain/release.ts";
import { uploadBlob } from "./blobs.ts";
import type { ImageClients } from "./clients.ts";
import { codeImage } from "./compose.ts";
import { makeDependencies } from "./dependencies.ts";
import { buildLayer } from "./layer.ts";
import type { StoredManifest } from "./manifest.ts";
import { getManifest, putManifest } from "./manifests.ts";
import type { Ahead, ImageObservation } from "./observe.ts";
import type { ImagePlan } from "./plan.ts";
import { inScratch } from "./scratch.ts";

/**
 * Does what the plan says: pushes by digest, then names. Whatever was pushed by an attempt that was cut is found again.
 * @throws UserError when the tag of the commit names another image, and for what cannot be had or may not be done.
 */
export async function applyImage(
  clients: ImageClients,
  context: Context,
  observation: ImageObservation,
  plan: ImagePlan,
): Promise<ImagePart> {
  const { commitTag } = observation;
  const { repository, platform, source } = observation.request;
  if (commitTag !== null && commitTag !== plan.digest) throw taken(observation, commitTag, plan.digest);
  const stored = observation.found ?? (await makeImage(clients, context, observation));
  if (commitTag === null) await nameCommit(clients, context, observation, stored);
  else if (commitTag !== stored.digest) throw taken(observation, commitTag, stored.digest);
  const part = { repository, digest: stored.digest, contentKey: observation.contentKey, platform, source };
  const verb = plan.way === "reuse" ? "Reused" : "Pushed";
  context.report({ kind: "line", text: `${verb} ${repository}@${stored.digest}` });
  return part;
}

/** @returns the image that bears this content key in the end: somebody else's when he was faster. */
async function makeImage(
  clients: ImageClients,
  context: Context,
  observation: ImageObservation,
): Promise<StoredManifest> {
  const { registry, scratch } = clients;
  const { request, inputs, sources, contentKey } = observation;
  const { repository } = request;
  if (!observation.hasRepository) await createRepository(clients, context, repository);

  const dependencies = observation.dependencies ?? (await makeDependencies(clients, context, observation));
  if (observation.ahead !== null) await push(clients, repository, observation.ahead);
  const { image } =
    observation.ahead ??
    (await inScratch(scratch, async (folder) => {
      const layer = await buildLayer(sources.entries, { kind: "file", path: `${folder}/layer` }, context.signal);
      const made = { layer, image: codeImage(dependencies, layer, inputs) };
      await push(clients, repository, made);
      return made;
    }));
  const name = `src-${contentKey}`;
  const put = await putManifest(registry, repository, name, image.stored);
  if (put.kind !== "taken") return image.stored;
  context.report({ kind: "line", text: `Somebody else has pushed the same content meanwhile: ${put.by} counts` });
  const winner = await getManifest(registry, repository, put.by);
  if (winner.kind === "found") return winner.manifest;
  throw new Error(`${repository}:${name} names ${put.by}, which is not there`);
}

/** Blobs first, then the manifest, under no name but its digest: until it has one, nobody can take it for released. */
async function push({ registry }: ImageClients, repository: string, { layer, image }: Ahead): Promise<void> {
  const config = {
    digest: image.manifest.config.digest,
    content: { kind: "memory", bytes: image.configBytes } as const,
  };
  await Promise.all([layer, config].map((blob) => uploadBlob(registry, repository, blob, { ask: false })));
  await putManifest(registry, repository, image.stored.digest, image.stored);
}

async function nameCommit(
  { registry }: ImageClients,
  { report }: Context,
  observation: ImageObservation,
  stored: StoredManifest,
): Promise<void> {
  const { repository, source } = observation.request;
  const put = await putManifest(registry, repository, source.sha, stored);
  if (put.kind === "taken") throw taken(observation, put.by, stored.digest);
  if (put.kind === "stored") return;
  report({
    kind: "finding",
    finding: {
      id: "image-tags-full",
      level: "warning",
      where: `${repository}@${stored.digest}`,
      what: `This image has as many tags as ECR allows: it does not get the one of commit ${source.sha}. The release names it by its digest.`,
      fix: "Nothing is wrong with the release. Remove tags of old commits from this image when you want the newest again.",
      source: "https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html",
    },
  });
}

async function createRepository({ ecr }: ImageClients, { report }: Context, repository: string): Promise<void> {
  report({ kind: "line", text: `Making the repository ${repository}` });
  try {
    await ecr(
      new CreateRepositoryCommand({
        repositoryName: repository,
        imageTagMutability: "IMMUTABLE",
        imageScanningConfiguration: { scanOnPush: true },
      }),
      { resource: `repository ${repository}` },
    );
  } catch (error) {
    if (!isAwsError(error, "conflict")) throw error; // somebody else was faster, and wanted the same
  }
}

function taken({ request }: ImageObservation, by: Digest, ours: Digest | null): UserError {
  const { repository, source } = request;
  return new UserError({
    what: `The tag of this commit names another image: ${by} in the registry, ${ours ?? "another one"} by what goes into it now.`,
    where: `${repository}:${source.sha}`,
    fix: "A tag that was given never moves. Pin what is not in the commit (a base by its digest, for one), or make a new commit.",
  });
}
