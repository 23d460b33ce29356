import * as z from "zod";
import { readInputs } from "../github/inputs.ts";
import { cleaning, rollingChoices, rollingOut } from "../releases/asked.ts";
import { travelling } from "./inputs.ts";
import { definitionsOutput, imagesOutput, runPart, verdictsOutput } from "./part.ts";

export const inputs = z.object({ ...travelling, ...rollingOut, ...cleaning });

/** Rolls the services of the stack, each behind its gates, and commits the release; or takes back what moved. */
export async function run(): Promise<void> {
  const given = readInputs(inputs);
  await runPart(
    ["rollout"],
    (result) => ({
      images: imagesOutput(result.release),
      "task-definitions": definitionsOutput(result.release),
      verdicts: verdictsOutput(result),
    }),
    { ...rollingChoices(given), keepRevisions: given["keep-revisions"] },
  );
}
