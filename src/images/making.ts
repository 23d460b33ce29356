import type { Context } from "../domain/context.ts";
import type { ImagePart } from "../domain/release.ts";
import { applyImage } from "./apply.ts";
import type { Base } from "./base.ts";
import type { ImageClients } from "./clients.ts";
import { applyBuild, findOrBuild } from "./docker/apply.ts";
import { nameOfContent } from "./docker/inputs.ts";
import { type DockerObservation, observeBuild } from "./docker/observe.ts";
import { planBuild } from "./docker/plan.ts";
import type { DockerRequest } from "./docker/request.ts";
import { type ImageObservation, observeImage } from "./observe.ts";
import { type MakingPlan, planImage } from "./plan.ts";
import type { Inspection, MadeImage } from "./publish.ts";
import type { ImageRequest } from "./request.ts";

/** An image of the checkout that is wanted, in one of the ways of making one. */
export type MakingRequest =
  | DockerRequest
  /** `dockerBase`: what builds the base; null when the request names it. */
  | (ImageRequest & { readonly dockerBase: DockerRequest | null });

export type MakingObservation = DockerObservation | LayersObservation;

export interface LayersObservation extends ImageObservation {
  readonly way: "layers";
  /** Null when the base is not built here. */
  readonly dockerBase: DockerObservation | null;
}

/** Reads what goes into an image, and asks the registry whether it has one of that content. @throws as its way does */
export async function observeMaking(
  clients: ImageClients,
  context: Context,
  request: MakingRequest,
  released: ImagePart | null,
): Promise<MakingObservation> {
  if (request.way === "docker") return observeBuild(clients, context, request, released);
  if (request.dockerBase === null) {
    return { ...(await observeImage(clients, context, request, released)), way: "layers", dockerBase: null };
  }
  const dockerBase = await observeBuild(clients, context, request.dockerBase, null);
  const base = baseOf(clients, dockerBase);
  return { ...(await observeImage(clients, context, request, released, base)), way: "layers", dockerBase };
}

/** What will be done about it. */
export function planMaking(observation: MakingObservation): MakingPlan {
  if (observation.way === "docker") return planBuild(observation);
  const plan = planImage(observation);
  const { dockerBase, dependencies, found } = observation;
  if (dockerBase === null) return plan;
  const base = planBuild(dockerBase);
  const isBuilt = found === null && dependencies === null && base.way === "docker";
  // The commit names the image, not what it is laid upon.
  const silent = ["commit-tag-taken", ...(isBuilt ? [] : ["tool-missing"])];
  const findings = base.findings.filter(({ id }) => !silent.includes(id));
  const reasons = isBuilt ? [...plan.reasons, `its base is built from ${dockerBase.request.dockerfile}`] : plan.reasons;
  return { ...plan, reasons, findings: [...plan.findings, ...findings] };
}

/**
 * Does what the plan says.
 * @param inspection what is asked while it is made
 * @throws as its way does
 */
export async function applyMaking(
  clients: ImageClients,
  context: Context,
  observation: MakingObservation,
  inspection: Partial<Inspection> = {},
): Promise<MadeImage> {
  const plan = planMaking(observation);
  if (observation.way === "docker") return applyBuild(clients, context, observation, plan, inspection);
  const { dockerBase, dependencies, found } = observation;
  if (dockerBase === null || dependencies !== null || found !== null)
    return applyImage(clients, context, observation, plan, inspection);
  const { stored, repository, findings } = await findOrBuild(clients, context, dockerBase, inspection.weigh);
  const base = { ...observation.base, repository, digest: stored.digest };
  const hasRepository = observation.hasRepository || repository === observation.request.repository;
  const made = await applyImage(clients, context, { ...observation, base, hasRepository }, plan, inspection);
  return { ...made, findings: [...findings, ...made.findings] };
}

/** A base that is built here is known by its content, whether it was built already or not: an image upon it keeps its key. */
function baseOf({ registry }: ImageClients, { request, inputs }: DockerObservation): Base {
  const { repository, dockerfile, target } = request;
  const reference = target === null ? dockerfile : `${dockerfile} (${target})`;
  return { reference, registry, repository, digest: nameOfContent(inputs), floats: false };
}
