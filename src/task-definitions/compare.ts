import { canonicalJson, type Json } from "../domain/json.ts";
import { readOnlyMembers } from "./definition.ts";
import { isSecretName, isSecretValue } from "../domain/redaction.ts";

/** One difference between two task definitions. `null`: not there. */
export interface Change {
  /** `containers.code.environment.DAGSTER_HOME`, as parts. */
  readonly path: readonly string[];
  readonly from: Json;
  readonly to: Json;
  /** The values are not for other eyes: only that they differ is shown. */
  readonly hidden: boolean;
}

/** Members that do not count: AWS's own, and those that say the same when they are absent. */
const readOnly = new Set([...readOnlyMembers, "tags", "enableFaultInjection"]);

/** Lists that are maps in truth: by which member. */
const keyed: Readonly<Record<string, string>> = {
  containerDefinitions: "name",
  environment: "name",
  secrets: "name",
  volumes: "name",
  portMappings: "containerPort",
};

/** Variables that we set ourselves and that hold nothing secret: an image, an ARN, a region. */
const shownVariables = new Set([
  "DAGSTER_CURRENT_IMAGE",
  "DAGSTER_CONTAINER_CONTEXT",
  "AWS_DEFAULT_REGION",
  "DAGSTER_HOME",
]);

/** What differs (`from` is null when there is none yet), in the order of the paths. AWS's own additions, empty lists and the order of lists do not count. */
export function compareDefinitions(from: Json | null, to: Json): readonly Change[] {
  return changes([], from === null ? undefined : normalize(from), normalize(to));
}

function changes(path: readonly string[], from: Json | undefined, to: Json | undefined): readonly Change[] {
  if (canonicalJson(from ?? null) === canonicalJson(to ?? null)) return [];
  if (isMap(from) && isMap(to)) {
    const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
    return keys.flatMap((key) => changes([...path, key], from[key], to[key]));
  }
  // A variable or container that comes or goes is shown by its members, so that each value is hidden by its own rule.
  if (isMap(from) && to === undefined && !isLeaf(path))
    return Object.keys(from)
      .sort()
      .flatMap((key) => changes([...path, key], from[key], undefined));
  if (isMap(to) && from === undefined && !isLeaf(path))
    return Object.keys(to)
      .sort()
      .flatMap((key) => changes([...path, key], undefined, to[key]));
  return [{ path, from: from ?? null, to: to ?? null, hidden: isHidden(path, [from, to]) }];
}

function isLeaf(path: readonly string[]): boolean {
  return ["healthCheck", "logConfiguration"].includes(path.at(-1) ?? "");
}

function isHidden(path: readonly string[], values: readonly (Json | undefined)[]): boolean {
  const name = path.at(-1) ?? "";
  const texts = values.map((value) =>
    typeof value === "string" ? value : value === undefined ? "" : canonicalJson(value),
  );
  if (path.at(-2) === "environment" && !shownVariables.has(name)) return true;
  return texts.some(isSecretValue) || (isSecretName(name) && path.at(-2) !== "secrets");
}

function normalize(value: Json, name = ""): Json {
  if (Array.isArray(value)) {
    const members = value as readonly Json[];
    const key = keyed[name];
    if (key === undefined || !members.every(isMap)) return members.map((member) => normalize(member, "-"));
    return Object.fromEntries(
      members.map((member) => {
        const { [key]: label, ...rest } = member;
        const [only] = Object.values(rest);
        const single = name === "environment" || name === "secrets";
        return [
          typeof label === "string" ? label : canonicalJson(label),
          single ? (only ?? null) : normalize(rest, "-"),
        ];
      }),
    );
  }
  if (!isMap(value)) return value;
  const members = Object.entries(value)
    .filter(([key]) => !(name === "" && readOnly.has(key)))
    .map(([key, member]) => [rename(key), normalize(member, key)] as const)
    .filter(([key, member]) => !isEmpty(member) && !(key === "cpu" && member === 0));
  return Object.fromEntries(members);
}

function rename(key: string): string {
  return key === "containerDefinitions" ? "containers" : key;
}

function isMap(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEmpty(value: Json): boolean {
  return (
    value === null || (Array.isArray(value) ? value.length === 0 : isMap(value) && Object.keys(value).length === 0)
  );
}
