import { UserError } from "../../domain/errors.ts";
import { redacted } from "../../domain/redaction.ts";

/** A variable of an environment file. Its value is never shown: not in an error either. */
export interface FileVariable {
  readonly name: string;
  readonly value: string;
  /** Counts from 1. */
  readonly line: number;
}

/**
 * Reads an environment file as `docker compose` does. Pure.
 * Source: https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
 * @param path for errors, which name lines and variables only
 * @throws UserError when it is not certain what a value is: a name without one, a `$` that compose would replace, a name twice
 */
export function readEnvFile(text: string, path: string): readonly FileVariable[] {
  const source = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  const variables: FileVariable[] = [];
  let at = 0;
  while (at < source.length) {
    const line = source.slice(0, at).split("\n").length;
    const blank = /^[ \t]*(?:#[^\n]*)?(?:\n|$)/.exec(source.slice(at));
    if (blank !== null && blank[0] !== "") {
      at += blank[0].length;
      continue;
    }
    const where = `${path}:${line}`;
    const head = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*/.exec(source.slice(at));
    const [whole = "", name = ""] = head ?? [];
    // The next line of a value without quotes may look like a name; it is no name that could be shown.
    if (head === null || redacted(name) !== name)
      throw unread(
        where,
        "This line is neither a comment nor NAME=value.",
        "Mend it: give a name its value, put a value of several lines in quotes.",
      );
    if (variables.some((one) => one.name === name))
      throw unread(where, `${name} is in this file twice.`, "Leave the one that holds; compose takes the last.");
    const read = readValue(source.slice(at + whole.length), where, name);
    variables.push({ name, value: read.value, line });
    at += whole.length + read.length;
  }
  return variables;
}

/** @param rest what follows the `=`. @returns with how much of it was read, its line's end among it */
function readValue(rest: string, where: string, name: string): { readonly value: string; readonly length: number } {
  const [quote = ""] = rest;
  if (quote !== '"' && quote !== "'") {
    const [line = ""] = /^[^\n]*\n?/.exec(rest) ?? [];
    const value = line.replace(/(^|\s)#[^]*$/, "").trim();
    return { value: literal(value, where, name), length: line.length };
  }
  const quoted = (quote === "'" ? /^'([^']*)'/ : /^"((?:[^"\\]|\\[^])*)"/).exec(rest);
  if (quoted === null) throw unread(where, `The quotes of ${name} do not end.`, `Put ${quote} behind its value.`);
  const [whole, inner = ""] = quoted;
  const tail = /^[ \t]*(?:#[^\n]*)?(?:\n|$)/.exec(rest.slice(whole.length));
  if (tail === null)
    throw unread(where, `Behind the quotes of ${name} there is more.`, "Put all of its value in one pair of quotes.");
  const value = quote === "'" ? inner : literal(inner, where, name).replaceAll(/\\([^])/g, unescaped);
  return { value, length: whole.length + tail[0].length };
}

/** Compose replaces `$NAME` and `${NAME}` outside of single quotes, and makes `$$` one `$`: which was meant is not known. */
function literal(value: string, where: string, name: string): string {
  if (!/(?<!\\)\$[\w${(]/.test(value)) return value;
  throw unread(
    where,
    `The value of ${name} holds a \`$\` that compose would replace.`,
    "Put it in single quotes as it is meant, or write what it stands for.",
  );
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", $: "$" };

function unescaped(whole: string, letter: string): string {
  return escapes[letter] ?? whole;
}

function unread(where: string, what: string, fix: string): UserError {
  return new UserError({ what, where, fix });
}
