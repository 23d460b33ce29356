import { UserError } from "../../domain/errors.ts";
import type { Step } from "../../domain/plan.ts";
import { type ImagePart, keptName } from "../../domain/release.ts";
import { applyCopy, applyImage, planImage } from "../../images/index.ts";
import { withLevels } from "../../stack/index.ts";
import { dayOf } from "../checks.ts";
import type { ImageWorkshop } from "../workshop.ts";
import type { Done } from "./done.ts";

/**
 * Makes an image, or copies it.
 * @throws UserError, AwsError, Cancelled
 */
export async function makeImage(
  shop: ImageWorkshop,
  { image, keptBy, way }: Extract<Step, { kind: "image" }>,
): Promise<Done> {
  const [keeper] = keptBy;
  const part =
    way === "copy" ? await copied(shop, keeper === undefined ? image : keptName(keeper)) : await made(shop, image);
  const parts =
    keeper === undefined
      ? { images: { [image]: part } }
      : { kept: Object.fromEntries(keptBy.map((service) => [service, part])) };
  return { results: { digest: part.digest }, parts, said: `${part.repository}@${part.digest}` };
}

async function made({ images, imageObservations, context, stack }: ImageWorkshop, key: string): Promise<ImagePart> {
  const observation = imageObservations[key];
  if (observation === undefined) throw new Error(`image ${key} was not observed`);
  const { part, findings } = await applyImage(images, context, observation, planImage(observation));
  for (const finding of withLevels(findings, stack.checks, dayOf(context.clock.now()))) {
    if (finding.level === "error") throw new UserError(finding);
    context.report({ kind: "finding", finding });
  }
  return part;
}

function copied({ images, copyObservations, context }: ImageWorkshop, name: string): Promise<ImagePart> {
  const observation = copyObservations[name];
  if (observation === undefined) throw new Error(`image ${name} was not observed`);
  return applyCopy(images, context, observation);
}
