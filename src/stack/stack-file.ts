import { looseObject } from "zod";
import { contractSchema } from "../domain/contract.ts";
import type { Place } from "../domain/errors.ts";
import { consistencyProblems } from "./consistency.ts";
import { documentSchema, environmentsSchema, fixedKeys } from "./document.ts";
import { overlay } from "./overlay.ts";
import { hasPlaceholder, type PlaceholderValues, placeholderProblems, substitute } from "./placeholders.ts";
import { type Problem, quote, refusal, suggest } from "./problems.ts";
import { schemaProblems } from "./schema-problems.ts";
import { at, entriesAt, type MapTree, placeAt, showPath, textAt, toValue } from "./tree.ts";
import { readYaml } from "./yaml.ts";

/** The environment that the top of the file describes. */
export const topEnvironment = "production";

/** A stack file that was read: every environment of it has the right shape and names only what exists. */
export interface StackFile {
  readonly file: string;
  /** Name of the stack. */
  readonly name: string;
  /** Every environment, `production` first. */
  readonly environments: readonly string[];
  /** As written: placeholders stand in it, and no environment is laid over it. */
  readonly tree: MapTree;
}

/** The environment that will be resolved, and what its placeholders stand for as far as a runner knows it by itself. */
export interface Asked {
  readonly environment: string;
  /** The runner's environment variables. */
  readonly variables: PlaceholderValues["variables"];
}

/**
 * Reads a stack file.
 * @param file how errors and findings call it
 * @param asked when given, what can be known of this environment before anybody signs in is judged too, so that one run tells
 * all of it
 * @throws StackFileError with every mistake, each at its place
 */
export function parseStackFile(text: string, file: string, asked: Asked | null = null): StackFile {
  const { tree, problems } = readYaml(text, file);
  if (tree?.kind !== "map") {
    const what = "The file must be a mapping: `name:`, `region:`, `contract:` and so on.";
    const notMap = tree === null ? [] : [{ where: tree.place, what, fix: "Begin with `name: my-stack`." }];
    throw refusal([...problems, ...notMap]);
  }
  const stackFile = {
    file,
    name: textAt(tree, ["name"])?.text ?? "",
    environments: [topEnvironment, ...entriesAt(tree, ["environments"]).keys()],
    tree,
  };
  const found = [
    ...problems,
    ...identityProblems(tree),
    ...placeholderProblems(tree),
    ...stackFile.environments.flatMap((environment) => {
      const document = documentOf(stackFile, environment);
      return [
        ...schemaProblems(documentSchema, document, "kept", (key) => ownerOf(stackFile, environment, key)),
        ...consistencyProblems(document),
      ];
    }),
    ...(asked === null ? [] : askedProblems(stackFile, asked)),
  ];
  if (found.length > 0) throw refusal(found);
  return stackFile;
}

/**
 * The file as one environment sees it, its placeholders still in it.
 * @throws StackFileError when there is no such environment
 */
export function documentOf({ tree, environments }: StackFile, environment: string): MapTree {
  const top = without(tree, ["environments"]);
  if (environment === topEnvironment) return top;
  const over = at(tree, ["environments", environment]);
  if (over === null) throw refusal([noEnvironment(tree, environment, environments)]);
  return over.kind === "map" ? overlay(top, without(over, fixedKeys)) : top;
}

/**
 * Region of one environment, to make clients for.
 * @throws StackFileError when there is no such environment
 */
export function regionOf(stackFile: StackFile, environment: string): string {
  return textAt(documentOf(stackFile, environment), ["region"])?.text ?? "";
}

/**
 * Where the stack file names the contract of one environment, for what goes wrong when it is fetched.
 * @throws StackFileError when there is no such environment
 */
export function contractPlace(stackFile: StackFile, environment: string): Place {
  return placeAt(documentOf(stackFile, environment), ["contract"]);
}

/** What placeholders of one environment stand for is known in part: the rest of them stays, and is judged by {@link resolveStack}. */
function askedProblems(stackFile: StackFile, { environment, variables }: Asked): readonly Problem[] {
  if (!stackFile.environments.includes(environment)) {
    return [noEnvironment(stackFile.tree, environment, stackFile.environments)];
  }
  const document = documentOf(stackFile, environment);
  const region = textAt(document, ["region"])?.text ?? "";
  const known = { account: null, region, environment, stackName: stackFile.name, variables };
  const only = (keep: (key: string) => boolean): MapTree => ({
    ...document,
    entries: new Map([...document.entries].filter(([key]) => keep(key))),
  });
  const contract = substitute(
    only((key) => key === "contract"),
    { ...known, contract: null },
  );
  const written = at(contract.tree, ["contract"]);
  const read = contractSchema.safeParse(written === null ? null : toValue(written));
  const rest = substitute(
    only((key) => key !== "contract"),
    { ...known, contract: read.success ? read.data : "unread" },
  );
  const tree: MapTree = { ...document, entries: new Map([...rest.tree.entries, ...contract.tree.entries]) };
  return [
    ...contract.problems,
    ...rest.problems,
    ...schemaProblems(documentSchema, tree, "kept", (key) => ownerOf(stackFile, environment, key)),
    ...consistencyProblems(tree),
  ];
}

function noEnvironment(tree: MapTree, environment: string, environments: readonly string[]): Problem {
  const where = tree.entries.get("environments")?.key ?? tree.place;
  const what = `There is no environment ${quote(environment)} in the stack file.`;
  return { where, what, fix: suggest(environment, environments, "") };
}

/** Whose a key of the top level is: an environment's, when only that one has it. */
function ownerOf({ tree }: StackFile, environment: string, key: string): string {
  return tree.entries.has(key) || environment === topEnvironment ? "the file" : `environments.${environment}`;
}

/** What tells one stack and its environments from another is written out, and written once. */
function identityProblems(tree: MapTree): readonly Problem[] {
  const regions = [...entriesAt(tree, ["environments"]).keys()].map((environment) => [
    "environments",
    environment,
    "region",
  ]);
  const fromOutside = [["name"], ["region"], ...regions].flatMap((path): Problem[] => {
    const found = textAt(tree, path);
    if (found === null || !hasPlaceholder(found.text)) return [];
    const fix = "Write it out: it is needed before anything can be looked up.";
    return [{ where: found.place, what: `${showPath(path)} cannot hold a placeholder.`, fix }];
  });
  const environments = [...entriesAt(tree, ["environments"])].flatMap(([environment, { key, value }]): Problem[] => [
    ...(environment === topEnvironment
      ? [
          {
            where: key,
            what: `\`${topEnvironment}\` is the top of the file, and cannot stand in \`environments\` too.`,
            fix: "Move its values to the top.",
          },
        ]
      : []),
    ...[...(value.kind === "map" ? value.entries : [])]
      .filter(([inner]) => fixedKeys.includes(inner))
      .map(([inner, entry]) => ({
        where: entry.key,
        what: `\`${inner}\` is the same in every environment.`,
        fix: "Remove it here: it stands at the top of the file.",
      })),
  ]);
  return [
    ...fromOutside,
    ...schemaProblems(looseObject({ environments: environmentsSchema }), tree, "kept"),
    ...environments,
  ];
}

function without(tree: MapTree, keys: readonly string[]): MapTree {
  return { ...tree, entries: new Map([...tree.entries].filter(([key]) => !keys.includes(key))) };
}
