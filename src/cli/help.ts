import { type Option, type OptionName, options } from "./options.ts";
import { optionOf, type Verb } from "./verb.ts";

/** What every command can be told beside its own options. */
const everywhere: readonly (readonly [string, string])[] = [
  ["--json", "Print one JSON document to standard output; progress goes to standard error as ever."],
  ["-h, --help", "Show this help."],
];

/** How a command ends, for scripts. */
export const exitCodes: readonly (readonly [string, string])[] = [
  ["0", "good, or nothing to do"],
  ["1", "it failed, or was refused; doctor: something is not good"],
  ["2", "plan, or a command with --dry-run: there is something to do; status: what runs is not what was released"],
  ["3", "somebody else holds the lock, or something newer is released"],
  ["130", "cancelled by Ctrl-C"],
];

/** The help of the program. */
export function helpOfAll(verbs: Readonly<Record<string, Verb>>): string {
  return [
    "Releases Dagster to AWS ECS, from a terminal, by the code of the GitHub Actions.",
    "",
    "Usage: dagster-ecs <command> [options]",
    "",
    "Commands:",
    ...columns(Object.entries(verbs).map(([name, verb]) => [usageOf(name, verb), verb.text] as const)),
    "",
    "`dagster-ecs --version` tells which version this is.",
    "Begin with `dagster-ecs plan`: it changes nothing. `dagster-ecs <command> --help` tells more of each.",
    "AWS is called with the credentials that its own tools find: AWS_PROFILE, `aws sso login`, variables.",
    "",
    "Exit codes:",
    ...columns(exitCodes),
  ].join("\n");
}

/** The help of one command. */
export function helpOf(name: string, verb: Verb): string {
  const { text, more, argument, examples } = verb;
  return [
    text,
    "",
    `Usage: dagster-ecs ${usageOf(name, verb)} [options]`,
    ...(more === "" ? [] : ["", more]),
    ...(argument === null ? [] : ["", "Argument:", ...columns([[usageOf("", verb).trim(), argument.text]])]),
    "",
    "Options:",
    ...columns([
      ...verb.options.map((option) => [shapeOf(option, optionOf(verb, option)), textOf(verb, option)] as const),
      ...everywhere,
    ]),
    "",
    "Examples:",
    ...examples.map((example) => `  dagster-ecs ${example}`),
  ].join("\n");
}

/** `rollback <to>` */
export function usageOf(name: string, { argument }: Pick<Verb, "argument">): string {
  if (argument === null) return name;
  const many = argument.isMany === true ? "…" : "";
  return argument.isOptional === true ? `${name} [${argument.name}]${many}` : `${name} <${argument.name}>${many}`;
}

/** `--stack <path>`; `--no-fail-early` for what is on unless told. */
export function shapeOf(option: OptionName, { takes, default: usual }: Option = options[option]): string {
  if (takes === null) return usual === "true" ? `--no-${option}` : `--${option}`;
  return `--${option} <${takes.shown}>${takes.kind === "list" ? "…" : ""}`;
}

function textOf(verb: Verb, option: OptionName): string {
  const { takes, default: usual, text } = optionOf(verb, option);
  return takes === null || usual === "" ? text : `${text} [${usual}]`;
}

/** The left column is as wide as its widest cell, up to 34. */
function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.min(34, Math.max(...rows.map(([left]) => left.length)));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
