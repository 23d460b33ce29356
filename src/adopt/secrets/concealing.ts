import { isAwsError } from "../../aws/error.ts";
import { UserError } from "../../domain/errors.ts";
import { hidden } from "../../domain/redaction.ts";

/** Shorter ones stand in every text by chance. */
const shortest = 4;

/** Does something whose errors may quote a value, and lets none of them out. */
export async function concealing<T>(values: readonly string[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw concealed(error, values);
  }
}

/** The error itself when it holds no value, or is our own: that one names variables only. Else another one, without what caused it. */
function concealed(error: unknown, values: readonly string[]): unknown {
  if (!(error instanceof Error) || (error instanceof UserError && !isAwsError(error))) return error;
  // The longest first: one may stand in another.
  const known = values.filter(({ length }) => length >= shortest).toSorted((a, b) => b.length - a.length);
  const without = (text: string): string => known.reduce((left, value) => left.replaceAll(value, hidden), text);
  if (!(error instanceof UserError)) return new Error(without(error.message)); // A stack begins with the message, and a cause has one of its own.
  const { kind, what, where, fix } = error;
  const said = [what, typeof where === "string" ? where : "", fix].join("\n");
  if (without(said) === said) return error;
  const place = typeof where === "string" ? without(where) : where;
  return new UserError({ what: without(what), where: place, fix: without(fix) }, { kind });
}
