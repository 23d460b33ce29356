import { runPart } from "./part.ts";

export { partInputs as inputs } from "./part.ts";

/** Runs the migrations of the stack that are due, each as one task on the new image, while the old code serves. */
export function run(): Promise<void> {
  return runPart(["migrations"], () => ({}));
}
