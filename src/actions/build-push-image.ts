import { imagesOutput, runPart } from "./part.ts";

export { partInputs as inputs } from "./part.ts";

/** Makes the images of the stack that the registry does not have yet. */
export function run(): Promise<void> {
  return runPart(["images"], ({ release }) => ({ images: imagesOutput(release) }));
}
