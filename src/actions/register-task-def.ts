import { definitionsOutput, runPart } from "./part.ts";

export { partInputs as inputs } from "./part.ts";

/** Registers the task definitions of the stack that differ from what runs. */
export function run(): Promise<void> {
  return runPart(["definitions"], ({ release }) => ({ "task-definitions": definitionsOutput(release) }));
}
