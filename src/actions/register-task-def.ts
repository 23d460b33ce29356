import * as z from "zod";
import { UserError } from "../domain/errors.ts";
import { readInputs } from "../github/inputs.ts";
import { verification } from "../releases/asked.ts";
import { travelling } from "./inputs.ts";
import { changesOutput, definitionsOutput, runPart } from "./part.ts";
import { fileInputs, registerFile, withoutFile } from "./register-file.ts";

export const inputs = z.object({ ...travelling, ...verification, ...fileInputs });

/** Registers the task definitions of the stack that differ from what runs; or one from a file, without a stack file. */
export function run(): Promise<void> {
  const given = readInputs(inputs);
  const path = given["task-definition"];
  if (path !== null) {
    const unused = (["release", "only", "from"] as const).filter((name) => given[name] !== null);
    refuse(
      [...unused, ...(given.verify === "false" ? [] : ["verify"])],
      "is for a stack file, and `task-definition` names a file that is registered without one",
    );
    return registerFile(path, given);
  }
  refuse(withoutFile(given), "is for a definition file, and `task-definition` is empty");
  return runPart(
    ["definitions"],
    (result) => ({
      "task-definitions": definitionsOutput(result.release),
      "definition-changes": changesOutput(result),
    }),
    { verifying: given.verify },
  );
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
