import { canonicalJson, isMap, type Json } from "../domain/json.ts";
import { hidden, isSecretName, isSecretValue, redacted, redactedWords } from "../domain/redaction.ts";
import { contextVariable, visibleContext } from "./container-context.ts";
import { storedForm } from "./stored-form.ts";

/** One difference between two task definitions, without what may be secret in it. `null`: not there. */
export interface Change {
  /** `containers.code.environment.DAGSTER_HOME`, as parts. */
  readonly path: readonly string[];
  /** What is not for other eyes reads `(hidden)`. */
  readonly from: Json;
  readonly to: Json;
  /** Something of the values is hidden, so that they may look alike. */
  readonly hidden: boolean;
}

/** Variables that we set ourselves and that hold nothing secret: an image, an ARN, a region. */
const shownVariables: readonly string[] = ["DAGSTER_CURRENT_IMAGE", "AWS_DEFAULT_REGION", "DAGSTER_HOME"];

/**
 * What differs (`from` is null when there is none yet), in the order of the paths. AWS's own additions, defaults that are written out,
 * empty lists and the order of lists do not count.
 * @param shown variables whose values may be seen
 */
export function compareDefinitions(from: Json | null, to: Json, shown: readonly string[] = []): readonly Change[] {
  const show = new Set([...shownVariables, ...shown]);
  return changes([], from === null ? undefined : storedForm(from), storedForm(to), show);
}

function changes(
  path: readonly string[],
  from: Json | undefined,
  to: Json | undefined,
  show: ReadonlySet<string>,
): readonly Change[] {
  if (canonicalJson(from ?? null) === canonicalJson(to ?? null)) return [];
  const keysOf = (value: Json | undefined): readonly string[] => (isMap(value) ? Object.keys(value) : []);
  const keys = [...new Set([...keysOf(from), ...keysOf(to)])].sort();
  // What comes or goes is told by its members, so that each value is hidden by its own rule.
  const isInside = (value: Json | undefined): boolean => value === undefined || isMap(value);
  if (keys.length > 0 && isInside(from) && isInside(to))
    return keys.flatMap((key) =>
      changes([...path, key], isMap(from) ? from[key] : undefined, isMap(to) ? to[key] : undefined, show),
    );
  const [seenFrom, seenTo] = [from, to].map((value) => (value === undefined ? null : seen(path, value, show)));
  const isHidden = [seenFrom, seenTo].some((value) => canonicalJson(value).includes(hidden));
  return [{ path, from: seenFrom ?? null, to: seenTo ?? null, hidden: isHidden }];
}

/** Maps whose members the user names. */
const namedByUsers: ReadonlySet<string> = new Set(["options", "dockerLabels", "driverOpts", "labels", "environment"]);

/** A value as it may be seen in its place. */
function seen(path: readonly string[], value: Json, show: ReadonlySet<string>): Json {
  const [name = "", of = ""] = path.toReversed();
  if (of === "secrets" || of === "secretOptions") return value;
  const variable = variableAt(path);
  // Of an entry that could not become `name: value`, the name may be seen.
  if (variable !== null && (typeof value !== "object" || value === null || Array.isArray(value)))
    return variable === contextVariable && !show.has(variable) && name === variable
      ? visibleContext(value)
      : name === "name" || (show.has(variable) && !isSecretValue(canonicalJson(value)))
        ? value
        : hidden;
  if (namedByUsers.has(of) && isSecretName(name.replaceAll(/[.-]/g, "_"))) return hidden;
  if (typeof value === "string") return isText(path) ? redacted(value) : isSecretValue(value) ? hidden : value;
  if (Array.isArray(value)) {
    const members = value as readonly Json[];
    const words = members.filter((member) => typeof member === "string");
    return words.length === members.length && isText(path)
      ? redactedWords(words)
      : members.map((member, index) => seen([...path, labelOf(member) ?? String(index)], member, show));
  }
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, seen([...path, key], member, show)]));
}

/** The variable that a path leads to, or into: `containers.code.environment.DB_PASSWORD`; null: to none. */
function variableAt([containers, , list, name]: readonly string[]): string | null {
  return containers === "containers" && list === "environment" ? (name ?? null) : null;
}

/** What a list that is no map, since two have one name, tells its elements apart by. */
function labelOf(element: Json): string | null {
  return isMap(element) && typeof element["name"] === "string" ? element["name"] : null;
}

/** Where people write what they like. Images, roles and sizes are shown as they are. */
function isText(path: readonly string[]): boolean {
  return path.some((part) => ["command", "entryPoint", "healthCheck"].includes(part) || namedByUsers.has(part));
}
