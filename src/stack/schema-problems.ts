import * as z from "zod";
import type { Place } from "../domain/errors.ts";
import { keySchema } from "../domain/identifiers.ts";
import { isSecretValue } from "../domain/redaction.ts";
import { nearest } from "./nearest.ts";
import { hasPlaceholder } from "./placeholders.ts";
import { type Problem, quote, suggest } from "./problems.ts";
import { descriptionAt, keysAt, literalsOf, members, schemasAt, shapeOf, unwrap } from "./schema-shape.ts";
import { at, keyPlaceAt, type Path, placeAt, showPath, type Tree, toValue } from "./tree.ts";

type Issue = z.core.$ZodIssue;

/**
 * What is wrong with the shape of a file, in words for the person who wrote it.
 * @param placeholders `kept` while placeholders stand in the texts: what a text with one looks like is judged later.
 * @param ownerOf what a key of the top level is said to be in
 */
export function schemaProblems(
  schema: z.ZodType,
  tree: Tree,
  placeholders: "kept" | "replaced",
  ownerOf: (key: string) => string = () => "the file",
): readonly Problem[] {
  const result = schema.safeParse(toValue(tree));
  if (result.success) return [];
  const issues = result.error.issues.flatMap((issue) => settleUnion(issue, []));
  const judged = placeholders === "replaced" ? issues : issues.filter((issue) => !isAboutPlaceholder(issue, tree));
  const misspelt = judged.flatMap((issue) => meantKeys(issue, schema, tree));
  return judged
    .filter((issue) => !misspelt.includes(showPath(issue.path)))
    .flatMap((issue) => explain(issue, schema, tree, ownerOf));
}

/** A value that fits no member of a union is judged by the member that it fits best. */
function settleUnion(issue: Issue, above: Path): readonly Issue[] {
  const path = [...above, ...issue.path];
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return [{ ...issue, path }];
  const fitting = issue.errors.filter((branch) => !branch.some(isWrongKind));
  if (fitting.length === 0) return [{ ...issue, path }];
  const best = fitting.reduce((a, b) => (weight(b) < weight(a) ? b : a));
  return best.flatMap((inner) => settleUnion(inner, path));
}

/** A mapping where a text is wanted, or the other way round. */
function isWrongKind(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value");
}

function weight(issues: readonly Issue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === "unrecognized_keys" ? issue.keys.length : 1), 0);
}

function isAboutPlaceholder(issue: Issue, tree: Tree): boolean {
  const value = at(tree, issue.path);
  const formal = ["invalid_format", "invalid_value", "too_big", "too_small"].includes(issue.code);
  return formal && value?.kind === "scalar" && hasPlaceholder(value.value);
}

/** Paths of keys that are missing only because they were misspelt: telling both would be telling it twice. */
function meantKeys(issue: Issue, schema: z.ZodType, tree: Tree): readonly string[] {
  if (issue.code !== "unrecognized_keys") return [];
  const known = keysAt(schema, toValue(tree), issue.path);
  return issue.keys.flatMap((key) => {
    const meant = nearest(key, known);
    return meant === null ? [] : [showPath([...issue.path, meant])];
  });
}

function explain(issue: Issue, schema: z.ZodType, tree: Tree, ownerOf: (key: string) => string): readonly Problem[] {
  const { path } = issue;
  const name = path.length === 0 ? "The file" : showPath(path);
  const where = placeAt(tree, path);
  const described = descriptionAt(schema, toValue(tree), path);
  const found = at(tree, path);
  if (found === null && issue.code !== "custom") return [missing(path, tree, wanted(issue), described)];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey(key, path, schema, tree, ownerOf));
    case "invalid_type":
    case "invalid_union":
    case "invalid_value":
      return [wrongValue(name, wanted(issue), found, where, shapeOfValue(schema, tree, path))];
    case "invalid_key": {
      const key = `The key ${quote(String(path.at(-1)))} in ${showPath(path.slice(0, -1))}`;
      const what = `${key} must be ${issue.issues[0]?.message ?? "another"}.`;
      return [{ where: keyPlaceAt(tree, path), what, fix: "Rename it, here and wherever it is named." }];
    }
    case "too_small":
    case "too_big":
      return [{ where, what: `${name} must ${bound(issue)}.`, fix: withinBound(issue) }];
    case "custom":
      return [{ where, what: `${name} ${issue.message}.`, fix: String(issue.params?.["fix"] ?? "Change the value.") }];
    default:
      return [{ where, what: `${name} must be ${issue.message}.`, fix: inForm(issue, found, described) }];
  }
}

function unknownKey(key: string, path: Path, schema: z.ZodType, tree: Tree, ownerOf: (key: string) => string): Problem {
  const known = keysAt(schema, toValue(tree), path);
  const owners = nearest(key, known) === null ? ownersOf(key, schema, toValue(tree), path) : [];
  return {
    where: keyPlaceAt(tree, [...path, key]),
    what: `There is no key ${quote(key)} in ${path.length === 0 ? ownerOf(key) : showPath(path)}.`,
    fix:
      owners.length > 0 ? `It belongs to ${owners.join(" and ")}: remove it here.` : suggest(key, known, "Remove it."),
  };
}

function missing(path: Path, tree: Tree, { values }: Wanted, described: string | null): Problem {
  const parent = path.slice(0, -1);
  const help = values.length > 0 ? `Write one of ${list(values)}.` : (described ?? "");
  return {
    where: keyPlaceAt(tree, parent),
    what: `${parent.length === 0 ? "The file" : showPath(parent)} lacks \`${String(path.at(-1))}\`.`,
    fix: `Add it. ${help}`.trim(),
  };
}

/** What the schema allows at a place, for the words of a fix. */
interface ValueShape {
  readonly name: string;
  readonly described: string | null;
  /** Keys of a mapping whose keys are ours. */
  readonly keys: readonly string[];
  /** Of a number. */
  readonly range: { readonly least: number; readonly most: number } | null;
}

function shapeOfValue(schema: z.ZodType, tree: Tree, path: Path): ValueShape {
  const value = toValue(tree);
  const numbers = schemasAt(schema, value, path).map(unwrap);
  const number = numbers.find((found) => found instanceof z.ZodNumber);
  return {
    name: String(path.at(-1) ?? ""),
    described: descriptionAt(schema, value, path),
    keys: keysAt(schema, value, path),
    range: number === undefined ? null : { least: number.minValue ?? -Infinity, most: number.maxValue ?? Infinity },
  };
}

/**
 * A text itself is told only where it is a slip in one of our own words, or where digits stand for a number: anything else could
 * be a secret.
 */
function wrongValue(
  name: string,
  { kinds, values }: Wanted,
  found: Tree | null,
  where: Place,
  shape: ValueShape,
): Problem {
  const text = found?.kind === "scalar" && typeof found.value === "string" ? found.value : null;
  const near = text === null ? null : nearest(text, values);
  const expected = [...(values.length > 0 ? [list(values)] : []), ...kinds].join(" or ");
  const advice = shape.described === null ? "" : ` ${shape.described}`;
  return {
    where,
    what: `${name} must be ${values.length > 1 ? "one of " : ""}${expected}, and is ${foundAs(found, near, values)}.`,
    fix:
      near !== null
        ? `Did you mean \`${near}\`?`
        : kinds.includes("text") && found?.kind === "scalar" && found.value !== null
          ? 'Put the value in quotes: "…".'
          : values.length > 1 && kinds.length === 0
            ? "Write one of them."
            : values.length === 1 && kinds.length === 0
              ? `Write ${list(values)}, or remove the key.${advice}`
              : (asKind(kinds[0] ?? "", text, shape) ?? `Write ${expected}.`),
  };
}

function foundAs(found: Tree | null, near: string | null, values: readonly string[]): string {
  if (found === null) return "missing";
  if (found.kind !== "scalar" || found.value === null) return kindOf(found);
  if (near !== null) return quote(String(found.value));
  return values.length > 0 && typeof found.value !== "string" ? `\`${String(found.value)}\`` : kindOf(found);
}

/** How a value of a kind is written; null for a kind that needs no words. */
function asKind(kind: string, text: string | null, { name, keys, range }: ValueShape): string | null {
  switch (kind) {
    case words["string"]:
      return "Write a text after the colon.";
    case words["number"]:
    case words["int"]: {
      const digits = text !== null && /^\d{1,6}$/.test(text) ? text : null;
      if (digits !== null) return `Write it without quotes: \`${name}: ${digits}\`.`;
      const least = Number.isFinite(range?.least) ? ` from ${range?.least}` : "";
      const most =
        Number.isSafeInteger(range?.most) && range?.most !== Number.MAX_SAFE_INTEGER ? ` to ${range?.most}` : "";
      return `Write a whole number${least}${most}, without quotes.`;
    }
    case words["boolean"]:
      return "Write `true` or `false`, without quotes.";
    case words["array"]:
      return "Write a list: each entry on a line of its own, behind `- `.";
    case words["object"]: {
      const meant = text === null ? null : nearest(text, keys);
      if (meant !== null) return `\`${meant}\` is a key in it. Write \`${name}: { ${meant}: … }\`.`;
      const some = keys.length === 0 ? "names of your choice" : list(keys.slice(0, 5)) + (keys.length > 5 ? ", …" : "");
      return `Write a mapping: its keys (${some}) on lines of their own below, indented.`;
    }
    default:
      return null;
  }
}

/** The form is told already; what is told here is how to get there. */
function inForm(issue: Issue, found: Tree | null, described: string | null): string {
  const example = keyNear(issue, found) ?? /: (\S.*)$/.exec(issue.message)?.[1];
  const advice = described === null ? "" : ` ${described}`;
  return example === undefined ? `Write it in that form.${advice}` : `Write it as in \`${example}\`.${advice}`;
}

/** What somebody may have meant who wrote what is no key of our files; a key is never a secret. */
function keyNear(issue: Issue, found: Tree | null): string | undefined {
  const isKey = issue.code === "invalid_format" && "pattern" in issue && issue.pattern === keyPattern;
  if (!isKey || found?.kind !== "scalar" || typeof found.value !== "string" || isSecretValue(found.value))
    return undefined;
  const near = found.value
    .replaceAll(/[^\w.-]+/g, "-")
    .replaceAll(/^[^A-Za-z0-9]+|-+$/g, "")
    .slice(0, 100);
  return near === "" ? undefined : near;
}

const keyPattern = keySchema.safeParse("").error?.issues.map((issue) => ("pattern" in issue ? issue.pattern : null))[0];

/** What may stand at a place: values of ours, or anything of some kind. */
interface Wanted {
  readonly kinds: readonly string[];
  readonly values: readonly string[];
}

function wanted(issue: Issue): Wanted {
  switch (issue.code) {
    case "invalid_type":
      return { kinds: [words[issue.expected] ?? issue.expected], values: [] };
    case "invalid_value":
      return { kinds: [], values: ours(issue.values) };
    case "invalid_union": {
      if (issue.errors.length === 0) return { kinds: [], values: ours("options" in issue ? issue.options : []) };
      const branches = issue.errors.flatMap((branch) => branch.filter(isWrongKind)).map(wanted);
      return {
        kinds: [...new Set(branches.flatMap(({ kinds }) => kinds))],
        values: branches.flatMap(({ values }) => values),
      };
    }
    default:
      return { kinds: [], values: [] };
  }
}

function ours(values: unknown): readonly string[] {
  return Array.isArray(values) ? values.filter((value) => value !== undefined).map(String) : [];
}

function list(values: readonly string[]): string {
  return values.map((value) => `\`${value}\``).join(", ");
}

const words: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "a mapping",
  record: "a mapping",
  array: "a list",
};

function kindOf(tree: Tree): string {
  if (tree.kind !== "scalar") return tree.kind === "map" ? "a mapping" : "a list";
  if (tree.value === null) return "empty";
  return typeof tree.value === "string" ? "text" : typeof tree.value === "number" ? "a number" : "true or false";
}

function bound(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const [side, limit] = issue.code === "too_small" ? ["at least", issue.minimum] : ["at most", issue.maximum];
  const isEmpty = issue.code === "too_small" && limit === 1;
  switch (issue.origin) {
    case "string":
      return isEmpty ? "not be empty" : `have ${side} ${limit} characters`;
    case "array":
      return isEmpty ? "not be empty" : `have ${side} ${limit} entries`;
    default:
      return `be ${side} ${limit}`;
  }
}

function withinBound(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const limit = issue.code === "too_small" ? issue.minimum : issue.maximum;
  const [more, what] = issue.code === "too_small" ? ["more", "add to it"] : ["less", "shorten it"];
  switch (issue.origin) {
    case "string":
      return issue.code === "too_small" && limit === 1
        ? "Write a text, or remove the key."
        : `Change the text: ${what}.`;
    case "array":
      return issue.code === "too_small" ? "Write an entry, or remove the key." : "Remove some of them.";
    default:
      return `Write ${limit} or ${more}.`;
  }
}

/** The members of the union at a path that know a key, by what tells them apart: `kind: webserver`. */
function ownersOf(key: string, schema: z.ZodType, value: unknown, path: Path): readonly string[] {
  return schemasAt(schema, value, path).flatMap((found) => {
    const union = unwrap(found);
    if (!(union instanceof z.ZodDiscriminatedUnion)) return [];
    const { discriminator } = union.def;
    return members(union, undefined)
      .filter((member) => Object.hasOwn(shapeOf(member), key))
      .map((member) => `\`${discriminator}: ${literalsOf(shapeOf(member)[discriminator])[0] ?? "…"}\``);
  });
}
