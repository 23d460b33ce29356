import type { Step } from "../../domain/plan.ts";
import { protectImage } from "../../images/index.ts";
import type { ImageWorkshop } from "../workshop.ts";
import type { Done } from "./done.ts";

/** Gives an image that runs the tag that keeps it. @throws UserError */
export async function protect(
  { images, context }: ImageWorkshop,
  { repository, digest }: Extract<Step, { kind: "protect" }>,
): Promise<Done> {
  const tag = await protectImage(images, context, { repository, digest });
  return { results: {}, parts: {}, said: `${repository}:${tag}` };
}
