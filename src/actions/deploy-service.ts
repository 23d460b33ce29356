import * as z from "zod";
import { UserError } from "../domain/errors.ts";
import { readInputs } from "../github/inputs.ts";
import { cleaning, rollingChoices, rollingOut } from "../releases/asked.ts";
import { travelling } from "./inputs.ts";
import { deployOne, ofOneService, withoutService } from "./one-service.ts";
import { definitionsOutput, imagesOutput, runPart, verdictsOutput } from "./part.ts";

export const inputs = z.object({ ...travelling, ...rollingOut, ...cleaning, ...ofOneService });

/**
 * Rolls the services of the stack, each behind its gates, and commits the release, or takes back what moved; or rolls one service, without a
 * stack file.
 */
export async function run(): Promise<void> {
  const given = readInputs(inputs);
  const choices = rollingChoices(given);
  if (given.service !== null) {
    refuse(ofStack(given), "is for a stack file, and `service` names one that is rolled without it");
    return deployOne(given.service, given, choices.rolling);
  }
  refuse(withoutService(given), "is for one service without a stack file, and `service` is empty");
  await runPart(
    ["rollout"],
    (result) => ({
      images: imagesOutput(result.release),
      "task-definitions": definitionsOutput(result.release),
      verdicts: verdictsOutput(result),
    }),
    { ...choices, keepRevisions: given["keep-revisions"] },
  );
}

/** Names of inputs that were given, and mean something for a stack only. */
function ofStack(given: z.output<typeof inputs>): readonly string[] {
  const texts = (["release", "only", "from", "keep-revisions"] as const).filter((name) => given[name] !== null);
  return [
    ...texts,
    ...(given.stack === "dagster-stack.yml" ? [] : ["stack"]),
    ...(given.environment === "production" ? [] : ["environment"]),
    ...(given["queued-runs"] === "keep" ? [] : ["queued-runs"]),
    ...(given["allow-state-loss"] ? ["allow-state-loss"] : []),
  ];
}

/** @throws UserError for inputs that would have no effect */
function refuse(names: readonly string[], why: string): void {
  const [first] = names;
  if (first === undefined) return;
  throw new UserError({
    what: `\`${first}\` ${why}.`,
    where: `input ${names.join(", ")}`,
    fix: "Remove one of the two.",
  });
}
