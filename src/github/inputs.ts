import { getInput } from "@actions/core";
import * as z from "zod";
import { UserError } from "../domain/errors.ts";

/** A text that must be given. */
export const required = z.string().min(1, "is required");

/** A text that may be left out: null then. */
export const optional = z.string().transform((text) => (text === "" ? null : text));

/** `true` or `false`; nothing else, so that a typing error is never taken for one of them. */
export const flag = z.enum(["true", "false"], "is `true` or `false`").transform((text) => text === "true");

/** One of a few words. */
export function choice<const T extends readonly [string, ...string[]]>(words: T): z.ZodType<T[number], string> {
  return z.enum(words, `is one of ${words.join(", ")}`) as z.ZodType<T[number], string>;
}

/** Whole minutes. @returns seconds */
export const minutes = z
  .string()
  .regex(/^\d{1,4}$/, "is a whole number of minutes, 0 to 9999")
  .transform((text) => Number(text) * 60);

/** One a line; blanks around and empty lines do not count. */
export const lines = z.string().transform((text) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== ""),
);

/**
 * Reads the inputs of an action, once, as action.yml names them. Defaults are action.yml's: the runner fills them in.
 * @throws UserError that names every input which is not as it should be.
 */
export function readInputs<Shape extends z.ZodRawShape>(inputs: z.ZodObject<Shape>): z.output<z.ZodObject<Shape>> {
  const given = Object.fromEntries(Object.keys(inputs.shape).map((name) => [name, getInput(name)]));
  const result = inputs.safeParse(given);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => ({ name: path.map(String).join("."), message }));
  throw new UserError({
    what: issues.map(({ name, message }) => `Input ${name} ${message}${shown(given[name])}.`).join("\n"),
    where: `inputs of this action: ${issues.map(({ name }) => name).join(", ")}`,
    fix: "Mend it under `with:` of this step; the action's README lists each input with its default.",
  });
}

/** What was given, when that helps: short, and without line breaks. */
function shown(value: string | undefined): string {
  return value === undefined || value === "" ? "" : `, not ${JSON.stringify(value.slice(0, 60))}`;
}
