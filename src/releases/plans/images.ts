import { type Later, later } from "../../domain/later.ts";
import type { Undo } from "../../domain/plan.ts";
import type { ImagePart, Release } from "../../domain/release.ts";
import type { Stack } from "../../stack/stack.ts";
import { type ImageReferences, imageReference } from "../definitions.ts";
import type { Observation } from "../observation.ts";
import { type Draft, push, withPart } from "./draft.ts";

/** Adds a step for each image that the registry does not have under its names yet. @returns what containers name, by key of the image */
export function planImages(stack: Stack, observation: Observation, draft: Draft): ImageReferences {
  const references: Record<string, Later> = {};
  for (const image of Object.values(stack.images)) {
    const plan = observation.images[image.key];
    if (plan === undefined) continue; // of a way that this version does not know: the findings say so
    const { way, contentKey, digest, dagster } = plan;
    const id = `image/${image.key}`;
    const reason = plan.reasons.join("; ");
    if ((way === "reuse" || way === "name") && digest !== null) {
      const { repository, platform } = image;
      const source = sourceOf(contentKey, image.key, observation, draft.target);
      const part: ImagePart = { repository, digest, contentKey, platform, source, dagster };
      draft.target = withPart(draft.target, "images", image.key, part);
      references[image.key] = imageReference(stack, repository, digest);
    }
    if (way === "reuse") {
      draft.untouched.push({ what: `image ${image.key}`, why: reason });
      continue;
    }
    const undo: Undo = { kind: "none", why: "an image that nothing runs does no harm" };
    push(draft, {
      id,
      part: "images",
      after: [],
      reason,
      undo,
      kind: "image",
      image: image.key,
      keptBy: [],
      contentKey,
      way,
    });
    references[image.key] ??= imageReference(stack, image.repository, later(id, "digest"));
  }
  return references;
}

/** An image that was made before keeps the commit which it was made of. */
function sourceOf(
  contentKey: string,
  key: string,
  { current, promoted, source }: Observation,
  target: Release,
): ImagePart["source"] {
  const made = [target.images[key], promoted?.release.images[key], current?.images[key]].find(
    (part) => part?.contentKey === contentKey,
  );
  return made?.source ?? source;
}
