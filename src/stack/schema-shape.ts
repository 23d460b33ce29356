import * as z from "zod";
import type { Path } from "./tree.ts";

/** The schemas that may stand at a path; unions on the way are narrowed by what tells their members apart. */
export function schemasAt(schema: z.ZodType, value: unknown, path: Path): readonly z.ZodType[] {
  const [step, ...rest] = path;
  if (step === undefined) return [schema];
  const inside = isObject(value) ? value[String(step)] : undefined;
  return members(schema, value).flatMap((member) => {
    const below = childOf(member, String(step));
    return below === null ? [] : schemasAt(below, inside, rest);
  });
}

export function keysAt(schema: z.ZodType, value: unknown, path: Path): readonly string[] {
  const inside = path.reduce((above: unknown, step) => (isObject(above) ? above[String(step)] : undefined), value);
  const objects = schemasAt(schema, value, path).flatMap((found) => members(found, inside));
  return [...new Set(objects.flatMap((member) => Object.keys(shapeOf(member))))];
}

/** The schema itself, or the members of the union that it is. */
export function members(schema: z.ZodType, value: unknown): readonly z.ZodType[] {
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

export function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> {
  return schema instanceof z.ZodObject ? schema.shape : {};
}

/** The words of a literal; `undefined` when it may be left out. */
export function literalsOf(schema: z.ZodType | undefined): readonly string[] {
  if (schema === undefined) return [];
  const inner = unwrap(schema);
  const values = inner instanceof z.ZodLiteral ? [...inner.values].map(String) : [];
  return inner === schema ? values : [...values, "undefined"];
}

/** What the schema says about a path, or about the nearest one above it: a variable has no words of its own. */
export function descriptionAt(schema: z.ZodType, value: unknown, path: Path): string | null {
  const own = schemasAt(schema, value, path).flatMap((found) => found.description ?? unwrap(found).description ?? []);
  const above = path.length === 0 ? null : descriptionAt(schema, value, path.slice(0, -1));
  return own[0] ?? above;
}

/** Without what says only that a value may be left out. */
export function unwrap(schema: z.ZodType): z.ZodType {
  const wraps = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  return wraps ? unwrap(schema.unwrap() as z.ZodType) : schema;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
