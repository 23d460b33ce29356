import { looseObject } from "zod";
import { consistencyProblems } from "./consistency.ts";
import { documentSchema, environmentsSchema, fixedKeys } from "./document.ts";
import { overlay } from "./overlay.ts";
import { hasPlaceholder, placeholderProblems } from "./placeholders.ts";
import { type Problem, quote, refusal, suggest } from "./problems.ts";
import { schemaProblems } from "./schema-problems.ts";
import { at, entriesAt, type MapTree, showPath, textAt } from "./tree.ts";
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

/**
 * Reads a stack file.
 * @param file how errors and findings call it
 * @throws StackFileError with every mistake, each at its place
 */
export function parseStackFile(text: string, file: string): StackFile {
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
      return [...schemaProblems(documentSchema, document, "kept"), ...consistencyProblems(document)];
    }),
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
  if (over === null) {
    const where = tree.entries.get("environments")?.key ?? tree.place;
    const what = `There is no environment ${quote(environment)} in the stack file.`;
    throw refusal([{ where, what, fix: suggest(environment, environments, "") }]);
  }
  return over.kind === "map" ? overlay(top, without(over, fixedKeys)) : top;
}

/**
 * Region of one environment, to make clients for.
 * @throws StackFileError when there is no such environment
 */
export function regionOf(stackFile: StackFile, environment: string): string {
  return textAt(documentOf(stackFile, environment), ["region"])?.text ?? "";
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
