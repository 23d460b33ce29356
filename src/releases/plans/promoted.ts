import * as z from "zod";
import { type Later, later, resolve, stepsBehind } from "../../domain/later.ts";
import { type ImagePart, keptName } from "../../domain/release.ts";
import type { ImagePlan } from "../../images/plan.ts";
import type { Service, Stack } from "../../stack/stack.ts";
import { type Definition, definitionHash } from "../../task-definitions/definition.ts";
import { render } from "../../task-definitions/render.ts";
import { type ImageReferences, imageReference, type WantedDefinition } from "../definitions.ts";
import { hostLabelPrefix, hostLabels } from "../host-labels.ts";
import { imageFor, type Observation } from "../observation.ts";
import { type Draft, push, withPart } from "./draft.ts";
import { isEqual, usableRevisions } from "./equal.ts";

/**
 * The images that services keep in a release that is promoted: each is to run here what it runs there. One that several keep is
 * copied once.
 * @returns by {@link keptName}
 */
export function planPromotedKept(stack: Stack, observation: Observation, draft: Draft): ImageReferences {
  const references: Record<string, Later> = {};
  const alike = Map.groupBy(keptThere(stack, observation), ({ part }) => `${part.repository}@${part.digest}`);
  for (const keepers of alike.values()) {
    const [first] = keepers;
    if (first === undefined) continue;
    const { part, plan } = first;
    const keptBy = keepers.map(({ key }) => key);
    const digest = plan.way === "copy" ? later(pushCopy(draft, first, keptBy), "digest") : part.digest;
    for (const key of keptBy) {
      references[keptName(key)] = imageReference(stack, part.repository, digest);
      if (plan.way !== "copy") draft.target = withPart(draft.target, "kept", key, part);
    }
  }
  return references;
}

/**
 * The definition of a service on the image that is promoted for it. What a host would take of an image that was made elsewhere is not
 * known, so its labels name the image itself; but a revision that equals the wanted one in all but the labels is of this image
 * already, and tells more of it.
 */
export function promotedDefinition(
  stack: Stack,
  observation: Observation,
  service: Service,
  { definition, request }: WantedDefinition,
): WantedDefinition {
  const plan = imageFor(observation, service);
  const repository = stack.images[service.image]?.repository;
  if (service.movesWith === "image" || repository === undefined || plan === undefined || plan.digest === null)
    return { definition, request };
  const image = imageReference(stack, repository, plan.digest);
  const isThis = (known: Definition): boolean => {
    const content = render({ ...request, image, labels: labelsOf(known) });
    if (stepsBehind(content).length > 0) return false;
    return isEqual(observation, definition, known, definitionHash(resolve(content, {})));
  };
  const there = usableRevisions(stack, observation, definition).find(isThis);
  const labels = there === undefined ? hostLabels(stack, service, plan) : labelsOf(there);
  return { definition, request: { ...request, labels } };
}

/** An image that a service keeps there. */
interface KeptThere {
  /** The service. */
  readonly key: string;
  /** Key of the image in the stack file. */
  readonly image: string;
  readonly plan: ImagePlan;
  /** As it is pinned here. */
  readonly part: ImagePart;
}

function keptThere({ services, images }: Stack, { images: plans, promoted }: Observation): readonly KeptThere[] {
  return Object.values(services).flatMap(({ key, image }) => {
    const [plan, part, repository] = [plans[keptName(key)], promoted?.release.kept[key], images[image]?.repository];
    if (plan === undefined || part === undefined || repository === undefined) return [];
    return [{ key, image, plan, part: { ...part, repository } }];
  });
}

function pushCopy(draft: Draft, { key, image, plan }: KeptThere, keptBy: readonly string[]): string {
  const { contentKey, reasons } = plan;
  return push(draft, {
    id: `image/${keptName(key)}`,
    part: "images",
    after: [],
    reason: reasons.join("; "),
    undo: { kind: "none", why: "an image that nothing runs does no harm" },
    kind: "image",
    image,
    keptBy,
    contentKey,
    way: "copy",
  });
}

/** Docker labels that tell what a process takes of its image, of the one container that has them. */
function labelsOf({ content }: Definition): Readonly<Record<string, string>> {
  const labelled = labelledSchema.safeParse(content);
  const containers = labelled.success ? labelled.data.containerDefinitions : [];
  const ours = containers.flatMap(({ dockerLabels = {} }) =>
    Object.entries(dockerLabels).filter(([name]) => name.startsWith(hostLabelPrefix)),
  );
  return Object.fromEntries(ours);
}

const labelledSchema = z.object({
  containerDefinitions: z.array(z.object({ dockerLabels: z.record(z.string(), z.string()).optional() })),
});
