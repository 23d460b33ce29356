import type { Context } from "../domain/context.ts";
import { uploadBlob } from "./blobs.ts";
import type { ImageClients } from "./clients.ts";
import { codeImage } from "./compose.ts";
import { makeDependencies } from "./dependencies.ts";
import { buildArchive } from "../files/archive.ts";
import { claim } from "./naming.ts";
import type { Ahead, ImageObservation } from "./observe.ts";
import type { MakingPlan } from "./plan.ts";
import { prepareSources } from "./prepare.ts";
import { type Inspection, type MadeImage, publish, type Unnamed, usualInspection } from "./publish.ts";
import { haveRepository } from "./repository.ts";
import { inScratch } from "./scratch.ts";
import { secretFindings } from "./secret-findings.ts";
import { showSizes } from "./sizes.ts";

/**
 * Does what the plan of an image of layers says.
 * @param inspection what is asked while it is made
 * @throws UserError when the tag of the commit names another image, and for what cannot be had or may not be done.
 */
export async function applyImage(
  clients: ImageClients,
  context: Context,
  observation: ImageObservation,
  plan: MakingPlan,
  inspection: Partial<Inspection> = {},
): Promise<MadeImage> {
  const { weigh, inspect } = { ...usualInspection, ...inspection };
  return publish(clients, context, observation, plan, inspect, () => makeImage(clients, context, observation, weigh));
}

async function makeImage(
  clients: ImageClients,
  context: Context,
  observation: ImageObservation,
  weigh: Inspection["weigh"],
): Promise<Unnamed> {
  const { request, inputs, sources, contentKey } = observation;
  const { repository } = request;
  await haveRepository(clients, context, observation);
  const dependencies =
    observation.dependencies ?? (await makeDependencies(clients, context, { ...observation, weigh }));
  if (observation.ahead !== null) await pushBlobs(clients, repository, observation.ahead);
  const { image } =
    observation.ahead ??
    (await inScratch(clients.scratch, async (folder) => {
      const prepared =
        request.prepare.length === 0 ? sources : await prepareSources(clients, context, observation, folder);
      const seen = new Set(sources.secretFiles.map(({ path }) => path));
      for (const found of secretFindings(prepared.secretFiles.filter(({ path }) => !seen.has(path)))) weigh(found);
      const layer = await buildArchive(prepared.entries, { kind: "file", path: `${folder}/layer` }, context.signal);
      const made = { layer, image: codeImage(dependencies, layer, inputs) };
      await pushBlobs(clients, repository, made);
      return made;
    }));
  const claimed = await claim(clients, context, repository, contentKey, image.stored);
  return { ...claimed, findings: [], sizes: showSizes(image) };
}

/** What the manifest names, before it has a name itself. */
async function pushBlobs({ registry }: ImageClients, repository: string, { layer, image }: Ahead): Promise<void> {
  const config = {
    digest: image.manifest.config.digest,
    content: { kind: "memory", bytes: image.configBytes } as const,
  };
  await Promise.all([layer, config].map((blob) => uploadBlob(registry, repository, blob, { ask: false })));
}
