import { resolve, stepsBehind } from "../../domain/later.ts";
import type { ImagePart } from "../../domain/release.ts";
import type { Service, Stack } from "../../stack/stack.ts";
import { definitionHash } from "../../task-definitions/definition.ts";
import { render } from "../../task-definitions/render.ts";
import { imageReference, type WantedDefinition } from "../definitions.ts";
import type { Observation } from "../observation.ts";
import { equalRevision } from "./equal.ts";

/**
 * The image that a process with `moves-with: dagster` keeps: that of the current release, of which a revision is there that equals
 * the wanted one in all but the image. What the process takes of an image stands in the labels of that revision.
 * @returns null when it moves to the stack's image
 */
export function keptImage(
  stack: Stack,
  observation: Observation,
  service: Service,
  { definition, request }: WantedDefinition,
): ImagePart | null {
  const { keepable, images } = observation;
  const part = keepable[service.key];
  if (service.movesWith === "image" || part === undefined) return null;
  if (part.repository !== stack.images[service.image]?.repository) return null;
  // Of the same content as the stack's: then there is nothing to keep.
  if (part.contentKey === images[service.image]?.contentKey) return null;
  const content = render({ ...request, image: imageReference(stack, part.repository, part.digest) });
  if (stepsBehind(content).length > 0) return null;
  const hash = definitionHash(resolve(content, {}));
  return equalRevision(stack, observation, definition, hash) === undefined ? null : part;
}
