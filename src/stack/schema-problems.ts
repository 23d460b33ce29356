import * as z from "zod";
import type { Place } from "../domain/errors.ts";
import { nearest } from "./nearest.ts";
import { hasPlaceholder } from "./placeholders.ts";
import { type Problem, quote, suggest } from "./problems.ts";
import { at, keyPlaceAt, type Path, placeAt, showPath, type Tree, toValue } from "./tree.ts";

type Issue = z.core.$ZodIssue;

/**
 * What is wrong with the shape of a file, in words for the person who wrote it.
 * @param placeholders `kept` while placeholders stand in the texts: what a text with one looks like is judged later.
 */
export function schemaProblems(schema: z.ZodType, tree: Tree, placeholders: "kept" | "replaced"): readonly Problem[] {
  const result = schema.safeParse(toValue(tree));
  if (result.success) return [];
  const issues = result.error.issues.flatMap((issue) => settleUnion(issue, []));
  const judged = placeholders === "replaced" ? issues : issues.filter((issue) => !isAboutPlaceholder(issue, tree));
  const misspelt = judged.flatMap((issue) => meantKeys(issue, schema, tree));
  return judged
    .filter((issue) => !misspelt.includes(showPath(issue.path)))
    .flatMap((issue) => explain(issue, schema, tree));
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

function explain(issue: Issue, schema: z.ZodType, tree: Tree): readonly Problem[] {
  const { path } = issue;
  const name = path.length === 0 ? "The file" : showPath(path);
  const where = placeAt(tree, path);
  const described = descriptionAt(schema, toValue(tree), path);
  const fix = described ?? "Change the value.";
  const found = at(tree, path);
  if (found === null && issue.code !== "custom") return [missing(path, tree, wanted(issue), described)];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey(key, path, schema, tree));
    case "invalid_type":
    case "invalid_union":
    case "invalid_value":
      return [wrongValue(name, wanted(issue), found, where, described)];
    case "invalid_key": {
      const key = `The key ${quote(String(path.at(-1)))} in ${showPath(path.slice(0, -1))}`;
      const what = `${key} must be ${issue.issues[0]?.message ?? "another"}.`;
      return [{ where: keyPlaceAt(tree, path), what, fix: "Rename it, here and wherever it is named." }];
    }
    case "too_small":
    case "too_big":
      return [{ where, what: `${name} must ${bound(issue)}.`, fix }];
    case "custom":
      return [{ where, what: `${name} ${issue.message}.`, fix: String(issue.params?.["fix"] ?? fix) }];
    default:
      return [{ where, what: `${name} must be ${issue.message}.`, fix }];
  }
}

function unknownKey(key: string, path: Path, schema: z.ZodType, tree: Tree): Problem {
  const known = keysAt(schema, toValue(tree), path);
  const owners = nearest(key, known) === null ? ownersOf(key, schema, toValue(tree), path) : [];
  return {
    where: keyPlaceAt(tree, [...path, key]),
    what: `There is no key ${quote(key)} in ${path.length === 0 ? "the file" : showPath(path)}.`,
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

/** The value itself is told only where it is a slip in one of our own words: anything else could be a secret. */
function wrongValue(
  name: string,
  { kinds, values }: Wanted,
  found: Tree | null,
  where: Place,
  described: string | null,
): Problem {
  const text = found?.kind === "scalar" && typeof found.value === "string" ? found.value : null;
  const near = text === null ? null : nearest(text, values);
  const unquoted = kinds.includes("text") && found?.kind === "scalar" && found.value !== null;
  const written = near !== null && text !== null ? quote(text) : found === null ? "missing" : kindOf(found);
  const expected = [...(values.length > 0 ? [list(values)] : []), ...kinds].join(" or ");
  return {
    where,
    what: `${name} must be ${values.length > 1 ? "one of " : ""}${expected}, and is ${written}.`,
    fix:
      near !== null
        ? `Did you mean \`${near}\`?`
        : unquoted
          ? 'Put the value in quotes: "…".'
          : values.length > 1 && kinds.length === 0
            ? "Write one of them."
            : (described ?? `Write ${expected}.`),
  };
}

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

/** The schemas that may stand at a path; unions on the way are narrowed by what tells their members apart. */
function schemasAt(schema: z.ZodType, value: unknown, path: Path): readonly z.ZodType[] {
  const [step, ...rest] = path;
  if (step === undefined) return [schema];
  const inside = isObject(value) ? value[String(step)] : undefined;
  return members(schema, value).flatMap((member) => {
    const below = childOf(member, String(step));
    return below === null ? [] : schemasAt(below, inside, rest);
  });
}

function keysAt(schema: z.ZodType, value: unknown, path: Path): readonly string[] {
  const inside = path.reduce((above: unknown, step) => (isObject(above) ? above[String(step)] : undefined), value);
  const objects = schemasAt(schema, value, path).flatMap((found) => members(found, inside));
  return [...new Set(objects.flatMap((member) => Object.keys(shapeOf(member))))];
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

/** The schema itself, or the members of the union that it is. */
function members(schema: z.ZodType, value: unknown): readonly z.ZodType[] {
  const union = unwrap(schema);
  if (!(union instanceof z.ZodUnion)) return [union];
  const all = union.options.flatMap((option) => members(option as z.ZodType, value));
  if (!(union instanceof z.ZodDiscriminatedUnion) || !isObject(value)) return all;
  const { discriminator } = union.def;
  const told = all.filter((member) =>
    literalsOf(shapeOf(member)[discriminator]).includes(String(value[discriminator])),
  );
  return told.length > 0 ? told : all;
}

function childOf(schema: z.ZodType, step: string): z.ZodType | null {
  if (schema instanceof z.ZodObject) return shapeOf(schema)[step] ?? null;
  if (schema instanceof z.ZodRecord) return schema.valueType as z.ZodType;
  return schema instanceof z.ZodArray ? (schema.element as z.ZodType) : null;
}

function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> {
  return schema instanceof z.ZodObject ? schema.shape : {};
}

/** The words of a literal; `undefined` when it may be left out. */
function literalsOf(schema: z.ZodType | undefined): readonly string[] {
  if (schema === undefined) return [];
  const inner = unwrap(schema);
  const values = inner instanceof z.ZodLiteral ? [...inner.values].map(String) : [];
  return inner === schema ? values : [...values, "undefined"];
}

/** What the schema says about a path, or about the nearest one above it: a variable has no words of its own. */
function descriptionAt(schema: z.ZodType, value: unknown, path: Path): string | null {
  const own = schemasAt(schema, value, path).flatMap((found) => found.description ?? unwrap(found).description ?? []);
  const above = path.length === 0 ? null : descriptionAt(schema, value, path.slice(0, -1));
  return own[0] ?? above;
}

/** Without what says only that a value may be left out. */
function unwrap(schema: z.ZodType): z.ZodType {
  const wraps = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  return wraps ? unwrap(schema.unwrap() as z.ZodType) : schema;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
