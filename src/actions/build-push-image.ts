import * as z from "zod";
import { readInputs } from "../github/inputs.ts";
import { checkForOneImage, checkForStack, makeOneImage, ofOneImage } from "./one-image.ts";
import { imageInputs, imagesOutput, runPart } from "./part.ts";

export const inputs = z.object({ ...imageInputs.shape, ...ofOneImage });

/** Makes the images of the stack that the registry does not have yet; or, with `repository`, one image without a stack. */
export async function run(): Promise<void> {
  const given = readInputs(inputs);
  if (given.repository !== null) {
    checkForOneImage(given);
    return makeOneImage(given, given.repository);
  }
  checkForStack(given);
  return runPart(["images"], ({ release }) => ({ images: imagesOutput(release) }));
}
