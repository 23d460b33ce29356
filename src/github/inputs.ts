import { getInput } from "@actions/core";
import type * as z from "zod";
import { type Naming, readGiven } from "../domain/given.ts";

/**
 * Reads the inputs of an action, once, as action.yml names them. Defaults are action.yml's: the runner fills them in.
 * @throws UserError that names every input which is not as it should be.
 */
export function readInputs<Shape extends z.ZodRawShape>(inputs: z.ZodObject<Shape>): z.output<z.ZodObject<Shape>> {
  const given = Object.fromEntries(Object.keys(inputs.shape).map((name) => [name, getInput(name)]));
  return readGiven(inputs, given, naming);
}

const naming: Naming = {
  called: (name) => `Input ${name}`,
  where: (names) => `inputs of this action: ${names.join(", ")}`,
  fix: "Mend it under `with:` of this step; the action's README lists each input with its default.",
};
