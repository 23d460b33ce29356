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
 * Reads an environment file as `docker compose` does, or not at all. Pure.
 * Source: compose-go, dotenv/parser.go and template/template.go;
 * https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
 * @param path for errors, which name lines and variables only
 * @throws UserError when it is not certain what a value is: a name without one, a `$` that compose would replace, a name twice
 */
export function readEnvFile(text: string, path: string): readonly FileVariable[] {
  const source = text.replace(/^\uFEFF/, "");
  const variables: FileVariable[] = [];
  let at = 0;
  while (at < source.length) {
    const line = source.slice(0, at).split("\n").length;
    const blank = /^[ \t]*(?:#[^\n]*|\r)?(?:\n|$)/.exec(source.slice(at));
    if (blank !== null && blank[0] !== "") {
      at += blank[0].length;
      continue;
    }
    const where = `${path}:${line}`;
    const head = /^[ \t]*(?:export[ \t]+)?(?!export[ \t])([A-Za-z_][\w.-]*)[ \t]*=[ \t]*/.exec(source.slice(at));
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
    return { value: plain(line.replace(/\r?\n$/, ""), where, name), length: line.length };
  }
  const quoted = (quote === "'" ? /^'((?:[^'\\]|\\[^])*)'/ : /^"((?:[^"\\]|\\[^])*)"/).exec(rest);
  if (quoted === null) throw unread(where, `The quotes of ${name} do not end.`, `Put ${quote} behind its value.`);
  const [whole, inner = ""] = quoted;
  const tail = /^[ \t]*(?:#[^\n]*|\r)?(?:\n|$)/.exec(rest.slice(whole.length));
  if (tail === null)
    throw unread(where, `Behind the quotes of ${name} there is more.`, "Put all of its value in one pair of quotes.");
  mustBeText(inner, where, name);
  const value = quote === "'" ? inner.replaceAll(/\\([^])/g, asQuote) : doubleQuoted(inner, where, name);
  return { value, length: whole.length + tail[0].length };
}

/** A value without quotes: a backslash is one, and a comment begins with a space and `#`. */
function plain(line: string, where: string, name: string): string {
  const [value = ""] = line.split(" #", 1);
  if (/^#|\t#/.test(value))
    throw unread(
      where,
      `Compose takes a \`#\` of ${name} for a part of its value.`,
      "Put the value in quotes, and a space before a comment.",
    );
  const trimmed = value.replace(/[ \t]+$/, "");
  mustBeText(trimmed, where, name);
  // Which of them are cut off at the ends depends on whom one asks.
  if (/[^\S\t ]|\u0085/.test(trimmed))
    throw unread(where, `The value of ${name} holds a space that is not a plain one.`, "Put the value in quotes.");
  if (replaced.test(trimmed)) throw dollar(where, name);
  return trimmed;
}

/** Behind a backslash a `$` is itself here, and compose reads escapes before it replaces variables. */
function doubleQuoted(inner: string, where: string, name: string): string {
  const unescapedText = inner.replaceAll(/\\[^]/g, (pair) => (pair === "\\$" ? "\\" : " "));
  if (replaced.test(unescapedText) || /\$\\/.test(unescapedText)) throw dollar(where, name);
  return inner.replaceAll(/\\([^])/g, (whole, letter: string) => {
    if (letter === "0")
      throw unread(
        where,
        `The value of ${name} holds a character by its number, which not every compose reads alike.`,
        "Write the character itself, or `\\\\0` for a backslash and a 0.",
      );
    return escapes[letter] ?? whole;
  });
}

/** Compose replaces `$NAME` and `${NAME}` outside of single quotes, and makes `$$` one `$`: which was meant is not known. Cases fold as in Go. */
const replaced = /\$[\w${(]/iu;

function dollar(where: string, name: string): UserError {
  return unread(
    where,
    `The value of ${name} holds a \`$\` that compose would replace.`,
    "Put it in single quotes as it is meant, or write what it stands for.",
  );
}

/** @throws UserError when the file is of another encoding: the value would be another one */
function mustBeText(value: string, where: string, name: string): void {
  if (!value.includes("\uFFFD")) return;
  throw unread(where, `The value of ${name} is not UTF-8.`, "Save the file as UTF-8.");
}

const escapes: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  '"': '"',
  "\\": "\\",
  $: "$",
};

function asQuote(whole: string, letter: string): string {
  return letter === "'" ? letter : whole;
}

function unread(where: string, what: string, fix: string): UserError {
  return new UserError({ what, where, fix });
}
