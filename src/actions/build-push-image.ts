import { imagesOutput, runPart } from "./part.ts";

export { imageInputs as inputs } from "./part.ts";

/** Makes the images of the stack that the registry does not have yet. */
export function run(): Promise<void> {
  return runPart(["images"], ({ release }) => ({ images: imagesOutput(release) }));
}
