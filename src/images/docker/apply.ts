import type { Context } from "../../domain/context.ts";
import { UserError } from "../../domain/errors.ts";
import type { Platform } from "../../domain/identifiers.ts";
import { type ImageClients, once } from "../clients.ts";
import { readImage } from "../dependencies.ts";
import { isFor, nameOf, platformsOf, type StoredManifest } from "../manifest.ts";
import { getManifest } from "../manifests.ts";
import { claim } from "../naming.ts";
import type { MakingPlan } from "../plan.ts";
import { type Inspection, type MadeImage, publish, type Unnamed, usualInspection } from "../publish.ts";
import { haveRepository } from "../repository.ts";
import { checkPlatforms } from "./bases.ts";
import { build } from "./buildx.ts";
import type { DockerObservation } from "./observe.ts";

/**
 * Does what the plan of an image of a Dockerfile says.
 * @param inspection what is asked while it is made
 * @throws UserError for what cannot be built, is not let pass, or may not be named
 */
export async function applyBuild(
  clients: ImageClients,
  context: Context,
  observation: DockerObservation,
  plan: MakingPlan,
  inspection: Partial<Inspection>,
): Promise<MadeImage> {
  const { weigh, inspect } = { ...usualInspection, ...inspection };
  return publish(clients, context, observation, plan, inspect, () => buildImage(clients, context, observation, weigh));
}

/** Where a base is, and what was said of it when it was built now. */
export interface BuiltBase extends Pick<Unnamed, "stored" | "findings"> {
  readonly repository: string;
}

/** The base of an image, built when it is not there: once, however many images stand on it, and whatever repository they are in. */
export async function findOrBuild(
  clients: ImageClients,
  context: Context,
  observation: DockerObservation,
  weigh: Inspection["weigh"] = usualInspection.weigh,
): Promise<BuiltBase> {
  const { request, contentKey, found } = observation;
  let findings: Unnamed["findings"] = []; // they are told with the image that comes first
  const base = await once(clients.bases, contentKey, async () => {
    if (found !== null) return { stored: found, repository: request.repository };
    const built = await buildImage(clients, context, observation, weigh);
    findings = built.findings;
    return { stored: built.stored, repository: request.repository };
  });
  return { ...base, findings };
}

async function buildImage(
  clients: ImageClients,
  context: Context,
  observation: DockerObservation,
  weigh: Inspection["weigh"],
): Promise<Unnamed> {
  const { request, inputs, sources, contentKey } = observation;
  const { repository, platform } = request;
  await checkPlatforms(observation.images, platform, request.dockerfile);
  await haveRepository(clients, context, observation);
  const { digest, findings } = await build(clients, context, { request, inputs, sources });
  const [wrong] = findings.filter(({ level }) => level === "error");
  if (wrong !== undefined) throw new UserError(wrong);
  // Before it has a name: it would be found by that the next time, and nobody would hear of it again.
  for (const finding of findings) weigh(finding);
  const stored = await pushed(clients, repository, digest);
  await checkPlatform(clients, repository, stored, platform);
  return { ...(await claim(clients, context, repository, contentKey, stored)), findings, sizes: null };
}

async function pushed({ registry }: ImageClients, repository: string, digest: string): Promise<StoredManifest> {
  const lookup = await getManifest(registry, repository, digest);
  if (lookup.kind === "found") return lookup.manifest;
  throw new UserError({
    what: `The registry does not have ${digest}, which was just pushed to it.`,
    where: repository,
    fix: "Look whether the builder pushes to this very registry, and not to a mirror of it; then run it again.",
  });
}

/** A base of another architecture is not noticed by a build that runs nothing, and a container of it starts and fails. */
async function checkPlatform(
  { registry }: ImageClients,
  repository: string,
  stored: StoredManifest,
  platform: Platform,
): Promise<void> {
  const platforms = platformsOf(stored);
  const has = platforms === null ? null : [...platforms.keys()];
  const config = platforms === null ? (await readImage(registry, repository, stored)).config : null;
  if (config === null ? has?.includes(platform) === true : isFor(config, platform)) return;
  throw new UserError({
    what: `The image was built for ${config === null ? (has?.join(", ") ?? "nothing") : nameOf(config)}, and ${platform} is wanted. It got no name.`,
    where: `${repository}@${stored.digest}`,
    fix: "Look at `FROM --platform=…` in the Dockerfile, and at the digests it pins: those of an index have all platforms.",
  });
}
