import type { Place } from "../domain/errors.ts";
import { isMap, type Json, type JsonMap } from "../domain/json.ts";
import { type Problem, quote, refusal, suggest } from "../stack/problems.ts";
import { keyPlaceAt, type Path, placeAt, showPath, toValue, type Tree } from "../stack/tree.ts";
import { readYaml } from "../stack/yaml.ts";
import { readOnlyMembers } from "./read-only.ts";
import { type MemberFaults, memberFaults } from "./member-faults.ts";

/** A task definition that somebody else has written: a file of the user's, or what a service runs. */
export interface ExistingDefinition extends MemberFaults {
  /** `deploy/web.json`, or `web:12` of what runs. */
  readonly source: string;
  /** What RegisterTaskDefinition would be given for it: all of it, but for what AWS adds and members that are null. */
  readonly content: JsonMap;
  /** The file, with its lines; null: there is none. */
  readonly tree: Tree | null;
  /** Declared placeholders that stand in it. */
  readonly placeholders: readonly string[];
}

/** `environment` and `secrets` for every container that Dagster runs in, as a file of the user's has them. */
export interface EnvironmentFileContent {
  readonly file: string;
  /** By name; null: the file does not speak of them. */
  readonly environment: Readonly<Record<string, string>> | null;
  readonly secrets: Readonly<Record<string, string>> | null;
  readonly tree: Tree | null;
  readonly placeholders: readonly string[];
}

type Placeholders = Readonly<Record<string, string>>;

/**
 * Reads a task definition from JSON or YAML; nothing in it is executed. What `aws ecs describe-task-definition` prints is one, too.
 * @param placeholders what `$name` and `${name}` stand for; nothing else is replaced
 * @throws StackFileError
 */
export function existingFile(text: string, file: string, placeholders: Placeholders): ExistingDefinition {
  const { value, tree } = parsed(text, file);
  const described = describedIn(value);
  const path: Path = described === null ? [] : ["taskDefinition"];
  const used = new Set<string>();
  const written = replaced(described ?? value, placeholders, used);
  if (!isMap(written) || !Array.isArray(written["containerDefinitions"]))
    throw refusal([
      {
        where: place(tree, file, path),
        what: `${file} is no task definition: it has no list \`containerDefinitions\`.`,
        fix: "Name the file that RegisterTaskDefinition is given.",
      },
    ]);
  const tags = described !== null && isMap(value) && value["tags"] !== undefined ? { tags: value["tags"] } : {};
  return {
    source: file,
    ...registrableContent({ ...tags, ...written }),
    tree: described === null ? tree : (treeAt(tree, "taskDefinition") ?? null),
    placeholders: [...used],
  };
}

/** What a service runs, as a task definition to edit. @param source for people */
export function existingLive(content: JsonMap, source: string): ExistingDefinition {
  return { source, ...registrableContent(content), tree: null, placeholders: [] };
}

/** @throws StackFileError */
export function environmentFile(text: string, file: string, placeholders: Placeholders): EnvironmentFileContent {
  const { value, tree } = parsed(text, file);
  const used = new Set<string>();
  const written = replaced(value, placeholders, used);
  const problems: Problem[] = [];
  const mistake = (path: Path, what: string, fix: string): void =>
    void problems.push({ where: place(tree, file, path), what, fix });
  const members = isMap(written) ? written : {};
  for (const key of Object.keys(members)) {
    if (key !== "environment" && key !== "secrets")
      mistake([key], `${quote(key)} has no effect here.`, suggest(key, ["environment", "secrets"], ""));
  }
  const list = (key: "environment" | "secrets", member: "value" | "valueFrom"): Record<string, string> | null => {
    const entries = members[key];
    if (entries === undefined || entries === null) return null;
    if (!Array.isArray(entries)) {
      mistake([key], `\`${key}\` is no list.`, `Write it as in a container definition: [{ name, ${member} }].`);
      return null;
    }
    const named: Record<string, string> = {};
    for (const [index, entry] of (entries as readonly Json[]).entries()) {
      const { name, [member]: said, ...others } = isMap(entry) ? entry : ({} as JsonMap);
      if (typeof name !== "string" || typeof said !== "string" || Object.keys(others).length > 0)
        mistake(
          [key, index],
          `${showPath([key, index])} is not \`name\` and \`${member}\`, both texts.`,
          `Write { "name": …, "${member}": … }, numbers in quotes.`,
        );
      else if (Object.hasOwn(named, name))
        mistake([key, index], `${quote(name)} stands twice in \`${key}\`.`, "Keep one of the two.");
      else named[name] = said;
    }
    return named;
  };
  const environment = list("environment", "value");
  const secrets = list("secrets", "valueFrom");
  for (const name of Object.keys(secrets ?? {}))
    if (environment !== null && Object.hasOwn(environment, name))
      mistake(
        ["secrets"],
        `${quote(name)} is plain text in \`environment\`, and a secret too: ECS refuses that.`,
        "Keep one of the two.",
      );
  if (environment === null && secrets === null && problems.length === 0)
    mistake(
      [],
      `${file} has neither \`environment\` nor \`secrets\`, and so no effect.`,
      "Add them, or remove `environment-file`.",
    );
  if (problems.length > 0) throw refusal(problems);
  return { file, environment, secrets, tree, placeholders: [...used] };
}

/** Where a part of a definition stands: in its file, or what runs. */
export function placeIn({ tree, source }: Pick<ExistingDefinition, "tree" | "source">, path: Path): Place | string {
  return tree === null ? source : placeAt(tree, path);
}

/** Names of the containers of a definition. */
export function containersOf(content: Json): readonly string[] {
  const containers = isMap(content) ? content["containerDefinitions"] : [];
  if (!Array.isArray(containers)) return [];
  return (containers as readonly Json[]).flatMap((container) =>
    isMap(container) && typeof container["name"] === "string" ? [container["name"]] : [],
  );
}

/** A container of a definition by its name. */
export function containerIn(content: Json, name: string): JsonMap | null {
  const containers = isMap(content) ? content["containerDefinitions"] : [];
  if (!Array.isArray(containers)) return null;
  return (containers as readonly Json[]).filter(isMap).find((container) => container["name"] === name) ?? null;
}

/** CloudWatch group and prefix of a container's lines; null when it writes elsewhere, or AWS chooses the stream's name. */
export function logIn(
  container: JsonMap | null,
): { readonly group: string; readonly prefix: string; readonly region: string | null } | null {
  const log = container?.["logConfiguration"] ?? null;
  const options = isMap(log) && log["logDriver"] === "awslogs" ? log["options"] : null;
  if (options === undefined || !isMap(options)) return null;
  const { "awslogs-group": group, "awslogs-stream-prefix": prefix, "awslogs-region": region } = options;
  if (typeof group !== "string" || typeof prefix !== "string") return null;
  return { group, prefix, region: typeof region === "string" ? region : null };
}

/** Placeholders that are declared, in texts that are values. `$name` ends where a name can end. */
function replaced(value: Json, placeholders: Placeholders, used: Set<string>): Json {
  if (typeof value === "string")
    return value.replaceAll(/\$(?:\{([\w.-]+)\}|([A-Za-z_]\w*))/g, (whole, braced?: string, plain?: string) => {
      const name = braced ?? plain ?? "";
      if (!Object.hasOwn(placeholders, name)) return whole;
      used.add(name);
      return placeholders[name] ?? whole;
    });
  if (Array.isArray(value)) return (value as readonly Json[]).map((member) => replaced(member, placeholders, used));
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, replaced(member, placeholders, used)]));
}

function registrableContent(content: JsonMap): Pick<ExistingDefinition, "content"> & MemberFaults {
  const members = Object.entries(content).filter(([member]) => !readOnlyMembers.has(member));
  const left = withoutNulls(Object.fromEntries(members));
  const registrable = isMap(left) ? left : {};
  return { content: registrable, ...memberFaults(registrable) };
}

/** A member that is null is one that is not there; elements of lists stay. */
function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(withoutNulls);
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null)
      .map(([key, member]) => [key, withoutNulls(member)]),
  );
}

/** @throws StackFileError */
function parsed(written: string, file: string): { readonly value: Json; readonly tree: Tree | null } {
  const text = written.replace(/^\uFEFF/, ""); // some editors begin a file with it
  const { tree, problems } = readYaml(text, file);
  const isYaml = /\.ya?ml$/i.test(file);
  if (isYaml) {
    if (tree === null || problems.length > 0) throw refusal(problems);
    return { value: toValue(tree) as Json, tree };
  }
  try {
    const value = JSON.parse(text) as Json;
    // Of two members of one name JSON takes the last without a word. What is JSON and no YAML has no lines to be told.
    if (tree !== null && problems.length > 0) throw refusal(problems);
    return { value, tree };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // What the parser quotes could be a secret.
    const [, line, column] = /\(line (\d+) column (\d+)\)/.exec(error.message) ?? [];
    const where = { file, line: Number(line ?? 1), column: Number(column ?? 1) };
    const isOnlyYaml = tree !== null && problems.length === 0;
    throw refusal([
      {
        where,
        what: `${file} is not JSON.`,
        fix: isOnlyYaml
          ? "Mend it; or name it .yml: it can be read as YAML."
          : "Mend it: a comma too many or too few, or quotes that are not closed.",
      },
    ]);
  }
}

function describedIn(value: Json): Json | null {
  const inner = isMap(value) && value["containerDefinitions"] === undefined ? value["taskDefinition"] : undefined;
  return inner !== undefined && isMap(inner) ? inner : null;
}

function treeAt(tree: Tree | null, key: string): Tree | undefined {
  return tree?.kind === "map" ? tree.entries.get(key)?.value : undefined;
}

function place(tree: Tree | null, file: string, path: Path): Place {
  return tree === null ? { file, line: 1, column: 1 } : keyPlaceAt(tree, path);
}
