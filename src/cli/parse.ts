import { parseArgs } from "node:util";
import { messageOf, UserError } from "../domain/errors.ts";
import { nearest } from "../stack/nearest.ts";
import { helpOf, helpOfAll } from "./help.ts";
import { type OptionName, options } from "./options.ts";
import { optionOf, type Verb } from "./verb.ts";

/** What was typed. */
export type Typed =
  | { readonly kind: "help"; readonly text: string }
  | {
      readonly kind: "run";
      readonly verb: Verb;
      /** Of its options and its argument, by name; what was not given has its default. */
      readonly texts: Readonly<Record<string, string>>;
      readonly json: boolean;
    };

/**
 * Reads the words after the program's name.
 * @throws UserError when they are not as the help says
 */
export function parse(words: readonly string[], verbs: Readonly<Record<string, Verb>>): Typed {
  const names = Object.keys(verbs);
  const name = verbNamed(words, verbs);
  if (name === null) {
    const [first] = words.filter((word) => !word.startsWith("-"));
    if (words.length === 0 || words.includes("--help") || words.includes("-h") || first === "help")
      return { kind: "help", text: helpOfAll(verbs) };
    if (first === undefined) throw misused("No command was given.", `Give one of these: ${names.join(", ")}.`);
    const [typed, among] = group(words, names) ?? [first, names];
    const meant = nearest(typed.slice(0, 60), among);
    throw misused(
      `There is no command ${JSON.stringify(typed.slice(0, 60))}.`,
      meant === null ? `Give one of these: ${among.join(", ")}.` : `Did you mean \`dagster-ecs ${meant}\`?`,
    );
  }
  const verb = verbs[name] as Verb;
  const { values, positionals } = readWords(name, verb, words);
  if (values["help"] === true) return { kind: "help", text: helpOf(name, verb) };
  const given = positionals.slice(name.split(" ").length);
  const argument = verb.argument;
  const least = argument === null || argument.isOptional === true ? 0 : 1;
  const most = argument === null ? 0 : argument.isMany === true ? Number.POSITIVE_INFINITY : 1;
  if (given.length < least || given.length > most) {
    const count = least === 1 ? "one argument" : "one argument at most";
    const takes = argument === null ? "takes no argument" : `takes ${count}, <${argument.name}>`;
    throw misused(`\`${name}\` ${takes}, and ${given.length} were given.`, `See \`dagster-ecs ${name} --help\`.`);
  }
  const texts = Object.fromEntries(verb.options.map((option) => [option, textOf(verb, option, values[option])]));
  return {
    kind: "run",
    verb,
    texts: { ...texts, ...(argument === null ? {} : { [argument.name]: given.join("\n") }) },
    json: values["json"] === true,
  };
}

/** The first words name it: `deploy`, `locations list`. Options may stand anywhere behind. */
function verbNamed(words: readonly string[], verbs: Readonly<Record<string, Verb>>): string | null {
  return Object.keys(verbs).find((name) => name.split(" ").every((word, at) => words[at] === word)) ?? null;
}

/** `locations ad`: what was typed, and the commands that begin so; null: none does. */
function group(words: readonly string[], names: readonly string[]): readonly [string, readonly string[]] | null {
  const [first = "", second] = words.filter((word) => !word.startsWith("-"));
  const among = names.filter((name) => name.startsWith(`${first} `));
  return among.length === 0 ? null : [second === undefined ? first : `${first} ${second}`, among];
}

type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

function readWords(
  name: string,
  verb: Verb,
  words: readonly string[],
): { readonly values: Values; readonly positionals: readonly string[] } {
  const known = verb.options.map((option) => {
    const takes = options[option].takes;
    return [option, { type: takes === null ? "boolean" : "string", multiple: takes?.kind === "list" }] as const;
  });
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      allowNegative: true,
      options: {
        ...Object.fromEntries(known),
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    const unknown = isUnknown(error) ? /'--?(?:no-)?([^']*)'/.exec(messageOf(error))?.[1] : undefined;
    if (unknown === undefined) throw misused(messageOf(error), `See \`dagster-ecs ${name} --help\`.`);
    const meant = nearest(unknown, [...verb.options, "json", "help"]);
    throw misused(
      `\`${name}\` has no option --${unknown}.`,
      `${meant === null ? "" : `Did you mean \`--${meant}\`? `}See \`dagster-ecs ${name} --help\`.`,
    );
  }
}

/** Node's own advice is about words that begin with a dash. */
function isUnknown(error: unknown): boolean {
  return (
    typeof error === "object" && error !== null && "code" in error && error.code === "ERR_PARSE_ARGS_UNKNOWN_OPTION"
  );
}

/** @throws UserError for an option that is given and empty, `--only "$UNSET"`: left out it would mean all of them */
function textOf(verb: Verb, option: OptionName, value: Values[string]): string {
  if (value === undefined) return optionOf(verb, option).default;
  const isEmpty = [value].flat().some((one) => typeof one === "string" && one.trim() === "");
  if (isEmpty) throw misused(`\`--${option}\` is empty.`, "Give it a value, or leave it out.");
  return typeof value === "object" ? value.join("\n") : String(value);
}

function misused(what: string, fix: string): UserError {
  return new UserError({ what, where: "command line", fix });
}
