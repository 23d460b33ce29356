import { definitionsOutput, imagesOutput, runPart, verdictsOutput } from "./part.ts";

export { partInputs as inputs } from "./part.ts";

/** Rolls the services of the stack, each behind its gates, and commits the release; or takes back what moved. */
export function run(): Promise<void> {
  return runPart(["rollout"], (result) => ({
    images: imagesOutput(result.release),
    "task-definitions": definitionsOutput(result.release),
    verdicts: verdictsOutput(result),
  }));
}
