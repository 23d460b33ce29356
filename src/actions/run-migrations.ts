import { runPart, verdictsOutput } from "./part.ts";

export { partInputs as inputs } from "./part.ts";

/**
 * Runs the migrations of the stack that are due, each as one task on the new image, while the old code serves; only for a newer minor
 * version of Dagster nothing of it runs meanwhile.
 */
export function run(): Promise<void> {
  return runPart(["migrations"], (result) => ({ verdicts: verdictsOutput(result) }));
}
