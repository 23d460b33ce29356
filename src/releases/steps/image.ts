import { UserError } from "../../domain/errors.ts";
import type { Finding } from "../../domain/finding.ts";
import type { Step } from "../../domain/plan.ts";
import { type ImagePart, keptName } from "../../domain/release.ts";
import { applyCopy, applyMaking, type MadeImage, scanImage } from "../../images/index.ts";
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
  const { part, sizes } =
    way === "copy"
      ? { part: await copied(shop, keeper === undefined ? image : keptName(keeper)), sizes: null }
      : await made(shop, image);
  const parts =
    keeper === undefined
      ? { images: { [image]: part } }
      : { kept: Object.fromEntries(keptBy.map((service) => [service, part])) };
  return {
    results: { digest: part.digest },
    parts,
    said: `${part.repository}@${part.digest}${sizes === null ? "" : `, ${sizes}`}`,
  };
}

async function made({ images, imageObservations, context, stack }: ImageWorkshop, key: string): Promise<MadeImage> {
  const observation = imageObservations[key];
  if (observation === undefined) throw new Error(`image ${key} was not observed`);
  const levels = (findings: readonly Finding[]): readonly Finding[] =>
    withLevels(findings, stack.checks, dayOf(context.clock.now()));
  const stopAt = (findings: readonly Finding[]): void => {
    const stop = findings.find(({ level }) => level === "error");
    if (stop !== undefined) throw new UserError(stop);
  };
  const weigh = (found: Finding): void => {
    const levelled = levels([found]);
    stopAt(levelled);
    for (const finding of levelled) context.report({ kind: "finding", finding });
  };
  const image = await applyMaking(images, context, observation, {
    weigh,
    // What stops here has no name of a commit: nothing can release it.
    inspect: async (repository, stored) => {
      const scan = { rule: stack.images[key]?.scan ?? "off", inStackFile: true } as const;
      const found = await scanImage(images.ecr, context, scan, repository, stored);
      stopAt(levels(found));
      return found; // its levels are given where all findings of the image are told
    },
  });
  for (const finding of image.findings) weigh(finding);
  return image;
}

function copied({ images, copyObservations, context }: ImageWorkshop, name: string): Promise<ImagePart> {
  const observation = copyObservations[name];
  if (observation === undefined) throw new Error(`image ${name} was not observed`);
  return applyCopy(images, context, observation);
}
