import { type Contract, contractSchema } from "../domain/contract.ts";
import type { Place } from "../domain/errors.ts";
import { nearest } from "./nearest.ts";
import { type Problem, quote, suggest } from "./problems.ts";
import { keysAt, schemasAt } from "./schema-shape.ts";
import type { MapTree, Tree } from "./tree.ts";

/** What placeholders stand for. */
export interface PlaceholderValues {
  /** Null before anybody has signed in: then it stays as it is. */
  readonly account: string | null;
  readonly region: string;
  readonly environment: string;
  readonly stackName: string;
  /** The runner's environment variables. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /**
   * Null while the contract itself is being read. `unread` when it lies elsewhere and was not fetched yet: then only names that
   * no contract has are problems, and the others stay as they are.
   */
  readonly contract: Contract | "unread" | null;
}

const simple = ["account", "region", "environment", "stack.name"] as const;

/** `$${` is written for a plain `${`. What stands between the braces may be anything but a brace. */
const pattern = /\$\$\{|\$\{(\{?)([^{}]*)(\}?)/g;

export function hasPlaceholder(value: unknown): boolean {
  return typeof value === "string" && value.includes("${");
}

/** What is wrong with the placeholders of a file before anybody knows what they stand for. */
export function placeholderProblems(tree: MapTree): readonly Problem[] {
  return inTexts(tree, grammarProblem).problems;
}

/**
 * Replaces every placeholder, once: what is put in is not looked at again. One that stands for nothing is a problem.
 */
export function substitute(tree: MapTree, values: PlaceholderValues): Substituted {
  return inTexts(tree, (name, where) => grammarProblem(name, where) ?? valueOf(name, where, values));
}

export interface Substituted {
  readonly tree: MapTree;
  readonly problems: readonly Problem[];
}

/** What a placeholder gives: its value, what is wrong with it, or null to leave it as it is. */
type Answer = (name: string, where: Place) => string | Problem | null;

/** Keys are names, and stay as they are. */
function inTexts(tree: MapTree, answer: Answer): Substituted {
  const problems: Problem[] = [];
  const inValue = (value: Tree): Tree => {
    switch (value.kind) {
      case "map":
        return inMap(value);
      case "list":
        return { ...value, items: value.items.map(inValue) };
      case "scalar":
        return typeof value.value === "string" ? { ...value, value: inText(value.value, value.place) } : value;
    }
  };
  const inMap = (map: MapTree): MapTree => ({
    ...map,
    entries: new Map([...map.entries].map(([key, entry]) => [key, { ...entry, value: inValue(entry.value) }])),
  });
  const inText = (text: string, where: Place): string =>
    text.replaceAll(pattern, (whole, github: string, name: string, closing: string) => {
      if (whole === "$${") return "${";
      const wrong = github === "{" ? githubProblem(where) : closing === "" ? unclosedProblem(where) : null;
      const given = wrong ?? answer(name, where);
      if (typeof given === "string") return given;
      if (given !== null) problems.push(given);
      return whole;
    });
  return { tree: inMap(tree), problems };
}

function githubProblem(where: Place): Problem {
  return {
    where,
    what: "`${{ … }}` means something in workflow files only; GitHub does not look into this one.",
    fix: "Set it as an environment variable of the step (`env:`), and write ${env.NAME} here.",
  };
}

function unclosedProblem(where: Place): Problem {
  return { where, what: "A placeholder is not closed.", fix: "Write ${name}; for a plain ${ write $${." };
}

/** Null when the placeholder is one that can stand for something. */
function grammarProblem(name: string, where: Place): Problem | null {
  if (simple.some((known) => known === name)) return null;
  if (/^contract(\.[\w-]+)+$/.test(name) || /^env\.[A-Za-z_]\w*$/.test(name)) return null;
  const near = nearest(name, simple);
  const forms = [...simple, "contract.…", "env.NAME"].map((known) => `\${${known}}`).join(", ");
  const help = near === null ? `Use one of ${forms}.` : `Did you mean \${${near}}?`;
  const what = `\${${quote(name).slice(1, -1)}} is not a placeholder.`;
  return { where, what, fix: `${help} A plain \${ is written $\${.` };
}

function valueOf(name: string, where: Place, values: PlaceholderValues): string | Problem | null {
  const [root = "", ...path] = name.split(".");
  switch (root) {
    case "account":
    case "region":
    case "environment":
      return values[root];
    case "stack":
      return values.stackName;
    case "env":
      return variable(path.join("."), where, values.variables);
    default:
      return contractValue(path, where, values.contract);
  }
}

/** GitHub gives an empty text for a variable that was never set, so empty counts as unset. */
function variable(name: string, where: Place, variables: PlaceholderValues["variables"]): string | Problem {
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
  if (value !== undefined && value !== "") return value;
  const set = Object.keys(variables).filter((known) => variables[known] !== "");
  const near = nearest(name, set);
  const meant = near === null ? "" : `Did you mean \${env.${near}}? `;
  return {
    where,
    what: `The environment variable ${name} is not set, or is empty.`,
    fix: `${meant}Set it for the step that runs this (\`env:\` in the workflow).`,
  };
}

function contractValue(
  path: readonly string[],
  where: Place,
  contract: PlaceholderValues["contract"],
): string | Problem | null {
  const whole = `\${contract.${path.join(".")}}`;
  if (contract === null) {
    return { where, what: `${whole} stands inside the contract itself.`, fix: "Write the value out." };
  }
  if (contract === "unread") {
    const wrong = path.findIndex((_, index) => schemasAt(contractSchema, null, path.slice(0, index + 1)).length === 0);
    return wrong < 0 ? null : noSuchName(path, wrong, keysAt(contractSchema, null, path.slice(0, wrong)), where);
  }
  let value: unknown = contract;
  for (const [index, key] of path.entries()) {
    const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
    if (!keys.includes(key)) return noSuchName(path, index, keys, where);
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  if (typeof value !== "object" || value === null) return String(value);
  const inside = Object.keys(value).map((key) => `\${contract.${[...path, key].join(".")}}`);
  return {
    where,
    what: `${whole} stands for ${Array.isArray(value) ? "a list" : "a mapping"}, not for one value.`,
    fix: inside.length === 0 ? "Write the value out." : `Use one of ${inside.join(", ")}.`,
  };
}

/** @param index of the first part of the path that does not exist; `keys` are those that do exist in its place */
function noSuchName(path: readonly string[], index: number, keys: readonly string[], where: Place): Problem {
  const key = path[index] ?? "";
  const above = ["contract", ...path.slice(0, index)].join(".");
  return {
    where,
    what: `\${contract.${path.join(".")}} stands for nothing: ${above} has no ${quote(key)}.`,
    fix: suggest(key, keys, `\`${above}\` has no keys.`),
  };
}
