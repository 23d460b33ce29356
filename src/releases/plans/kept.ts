import { resolve, stepsBehind } from "../../domain/later.ts";
import type { ImagePart } from "../../domain/release.ts";
import type { Service, Stack } from "../../stack/stack.ts";
import { definitionHash } from "../../task-definitions/definition.ts";
import { render } from "../../task-definitions/render.ts";
import { imageReference, type WantedDefinition } from "../definitions.ts";
import type { Observation } from "../observation.ts";

/**
 * The image that a process with `moves-with: dagster` keeps: one of the current release, of which a revision is there that equals
 * the wanted one in all but the image. What the process takes of an image stands in the labels of that revision.
 * @returns null when it moves to the stack's image
 */
export function keptImage(
  stack: Stack,
  { current, definitions, images }: Observation,
  service: Service,
  { definition, request }: WantedDefinition,
): ImagePart | null {
  if (service.movesWith === "image" || current === null) return null;
  const repository = stack.images[service.image]?.repository;
  const { running = null, former = null, newest = null } = definitions[definition] ?? {};
  const parts = [current.kept[service.key], current.images[service.image]];
  const kept = parts.find((part) => {
    if (part === undefined || part.repository !== repository) return false;
    const content = render({ ...request, image: imageReference(stack, part.repository, part.digest) });
    if (stepsBehind(content).length > 0) return false;
    const hash = definitionHash(resolve(content, {}));
    return [running, former, newest].some((known) => known?.active === true && known.contentHash === hash);
  });
  // Of the same content as the stack's: then there is nothing to keep.
  return kept === undefined || kept.contentKey === images[service.image]?.contentKey ? null : kept;
}
