import * as z from "zod";
import { UserError } from "./errors.ts";
import { isSecretName } from "./redaction.ts";

// Texts that somebody gives: inputs of an action, options of the command line.

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

/** How those who gave the texts know them. */
export interface Naming {
  /** `Input only` */
  readonly called: (name: string) => string;
  readonly where: (names: readonly string[]) => string;
  readonly fix: string;
}

/**
 * Reads texts by their names, once.
 * @throws UserError that names every one which is not as it should be.
 */
export function readGiven<Shape extends z.ZodRawShape>(
  shape: z.ZodObject<Shape>,
  given: Readonly<Record<string, string>>,
  { called, where, fix }: Naming,
): z.output<z.ZodObject<Shape>> {
  const result = shape.safeParse(given);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => ({ name: path.map(String).join("."), message }));
  throw new UserError({
    what: issues
      .map(({ name, message }) => `${called(name)} ${message}${isSecretName(name) ? "" : shown(given[name])}.`)
      .join("\n"),
    where: where(issues.map(({ name }) => name)),
    fix,
  });
}

/** What was given, when that helps: short, and without line breaks. */
function shown(value: string | undefined): string {
  return value === undefined || value === "" ? "" : `, not ${JSON.stringify(value.slice(0, 60))}`;
}
