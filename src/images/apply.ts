import { CreateRepositoryCommand } from "@aws-sdk/client-ecr";
import { isAwsError } from "../aws/error.ts";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Digest } from "../domain/identifiers.ts";
import type { Finding } from "../domain/finding.ts";
import type { ImagePart } from "../domain/release.ts";
import { uploadBlob } from "./blobs.ts";
import type { ImageClients } from "./clients.ts";
import { codeImage } from "./compose.ts";
import { makeDependencies } from "./dependencies.ts";
import { buildLayer } from "./layer.ts";
import type { StoredManifest } from "./manifest.ts";
import { getManifest, type Put, putManifest } from "./manifests.ts";
import { type Ahead, type CommitTag, type ImageObservation, longCommitTag } from "./observe.ts";
import { type MakingPlan, tagNeverMoves } from "./plan.ts";
import type { Registry } from "./registry.ts";
import { inScratch } from "./scratch.ts";

/** An image that is in the registry now. */
export interface MadeImage {
  readonly part: ImagePart;
  /** What is to be said of it: nothing that keeps it from being released. */
  readonly findings: readonly Finding[];
}

/**
 * Does what the plan says: pushes by digest, then names. Whatever was pushed by an attempt that was cut is found again.
 * @throws UserError when the tag of the commit names another image, and for what cannot be had or may not be done.
 */
export async function applyImage(
  clients: ImageClients,
  context: Context,
  observation: ImageObservation,
  plan: MakingPlan,
): Promise<MadeImage> {
  const { request, contentKey, kept, commitTag } = observation;
  const { repository, platform, source } = request;
  if (kept !== null) return { part: kept, findings: [] };
  if (commitTag.digest !== null && commitTag.digest !== plan.digest) throw taken(repository, commitTag, plan.digest);
  const stored = observation.found ?? (await makeImage(clients, context, observation));
  const findings = await nameCommit(clients, observation, stored);
  const verb = { reuse: "Reused", name: "Named", layers: "Pushed" }[plan.way];
  context.report({ kind: "line", text: `${verb} ${repository}@${stored.digest}` });
  const { digest } = stored;
  return { part: { repository, digest, contentKey, platform, source, dagster: plan.dagster }, findings };
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

/** The tag that was free when it was looked for may be a neighbour's by now: two images of one commit are made side by side. */
async function nameCommit(
  { registry }: ImageClients,
  { request, contentKey, commitTag }: ImageObservation,
  stored: StoredManifest,
): Promise<readonly Finding[]> {
  const { repository, source } = request;
  if (commitTag.digest === stored.digest) return [];
  let tag = commitTag;
  let put = await nameBy(registry, repository, tag, stored);
  if (put.kind === "taken" && tag.name === source.sha) {
    tag = await longCommitTag(registry, request, contentKey);
    put = await nameBy(registry, repository, tag, stored);
  }
  if (put.kind === "taken") throw taken(repository, { ...tag, digest: put.by }, stored.digest);
  if (put.kind === "stored") return [];
  return [
    {
      id: "image-tags-full",
      level: "warning",
      where: `${repository}@${stored.digest}`,
      what: `This image has as many tags as ECR allows: it does not get the one of commit ${source.sha}. The release names it by its digest.`,
      fix: "Nothing is wrong with the release. Remove tags of old commits from this image when you want the newest again.",
      source: "https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html",
    },
  ];
}

/** A registry that lets tags move would move it: a tag that names something is not put. */
function nameBy(
  registry: Registry,
  repository: string,
  { name, digest }: CommitTag,
  stored: StoredManifest,
): Promise<Put> {
  if (digest === null) return putManifest(registry, repository, name, stored);
  return Promise.resolve(digest === stored.digest ? { kind: "stored" } : { kind: "taken", by: digest });
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

function taken(repository: string, { name, digest }: CommitTag, ours: Digest | null): UserError {
  return new UserError({
    what: `The tag of this commit names another image: ${digest} in the registry, ${ours ?? "another one"} by what goes into it now.`,
    where: `${repository}:${name}`,
    fix: tagNeverMoves,
  });
}
