import * as z from "zod";
import { readInputs } from "../github/inputs.ts";
import { workflowRun } from "../github/run.ts";
import type { Result } from "../releases/result.ts";
import { checkForOneImage, checkForStack, makeOneImage, ofOneImage } from "./one-image.ts";
import { imageInputs, imagesOutput, planPart, runPart } from "./part.ts";
import { writesFor } from "./without-stack.ts";

export const inputs = z.object({ ...imageInputs.shape, ...ofOneImage });

/**
 * Makes the images of the stack that the registry does not have yet; or, with `repository`, one image without a stack. On a pull
 * request it says what it would make.
 */
export async function run(): Promise<void> {
  const given = readInputs(inputs);
  if (given.repository !== null) {
    checkForOneImage(given);
    return makeOneImage(given, given.repository);
  }
  checkForStack(given);
  const outputs = ({ release }: Result) => ({ images: imagesOutput(release) });
  const pushes = writesFor(given.push, workflowRun(process.env).event);
  return pushes ? runPart(["images"], outputs) : planPart(outputs);
}
