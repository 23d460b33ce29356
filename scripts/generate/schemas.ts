import * as z from "zod";
import { documents } from "../../src/cli/documents.ts";
import { contractSchema } from "../../src/domain/contract.ts";
import { currentSchema, intentSchema, lockSchema, outcomeSchema } from "../../src/domain/journal.ts";
import { releaseSchema } from "../../src/domain/release.ts";
import { fileSchema, fixedKeys } from "../../src/stack/document.ts";
import type { Generated } from "../generate.ts";

/** JSON Schema, as far as it is made here. */
export interface JsonSchema {
  readonly [key: string]: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** Every schema of the product, as editors and other programs read it. */
export function schemaFiles(): readonly Generated[] {
  const schemas: Readonly<Record<string, JsonSchema>> = {
    "dagster-stack": stackFileSchema(),
    contract: jsonSchema(contractSchema),
    release: jsonSchema(releaseSchema),
    intent: jsonSchema(intentSchema),
    outcome: jsonSchema(outcomeSchema),
    current: jsonSchema(currentSchema),
    lock: jsonSchema(lockSchema),
    // What each command prints with `--json`, by its name.
    "command-line": jsonSchema(z.object(documents)),
  };
  return Object.entries(schemas).map(([name, schema]) => ({
    path: `schemas/${name}.schema.json`,
    text: `${JSON.stringify(schema, null, 2)}\n`,
  }));
}

/** Needed before a placeholder can be replaced, so these hold none. */
const writtenOut = ["name", "region"];

/** The stack file as it is written: with placeholders, and with environments that say only what is different. */
export function stackFileSchema(): JsonSchema {
  const whole = jsonSchema(fileSchema);
  const properties: Readonly<Record<string, JsonSchema>> = Object.fromEntries(
    Object.entries(whole.properties ?? {}).map(([key, property]) => [
      key,
      writtenOut.includes(key) ? property : allowPlaceholders(property),
    ]),
  );
  const own = Object.entries(properties).filter(([key]) => !fixedKeys.includes(key));
  const overlay = partial({ type: "object", properties: Object.fromEntries(own), additionalProperties: false });
  const environments = { ...properties["environments"], additionalProperties: overlay };
  return { ...whole, properties: { ...properties, environments } };
}

function jsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    io: "input",
    // `z.int()` writes the range of numbers that JavaScript counts exactly: noise for whoever reads the schema.
    override: ({ jsonSchema: made }) => {
      if (made.minimum === Number.MIN_SAFE_INTEGER) delete made.minimum;
      if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum;
    },
  }) as JsonSchema;
}

/** A text with a placeholder in it is judged when the placeholder has been replaced. Names of keys hold none. */
function allowPlaceholders(schema: JsonSchema): JsonSchema {
  return mapSchema(schema, (part) => {
    if (typeof part["pattern"] !== "string" && part["format"] !== "uri") return part;
    const { pattern, format: _format, ...rest } = part;
    return { ...rest, pattern: typeof pattern === "string" ? `(?:${pattern})|\\$\\{` : "^https?://|\\$\\{" };
  });
}

/** Nothing is required, save in what replaces whole. */
function partial(schema: JsonSchema): JsonSchema {
  return mapSchema(
    schema,
    ({ required: _required, default: _default, oneOf, ...rest }) =>
      // Without `kind` a service may be of any: the first that fits will do.
      oneOf === undefined ? rest : { ...rest, anyOf: oneOf },
    ["contract", "build", "layers"],
  );
}

/** Changes a schema and all inside it; properties of the names in `whole`, and names of keys, stay as they are. */
function mapSchema(
  schema: JsonSchema,
  change: (schema: JsonSchema) => JsonSchema,
  whole: readonly string[] = [],
): JsonSchema {
  const inside = (value: unknown): unknown =>
    typeof value === "object" && value !== null ? mapSchema(value as JsonSchema, change, whole) : value;
  return change(
    Object.fromEntries(
      Object.entries(schema).map(([key, value]) => {
        if (key === "properties") {
          const properties = Object.entries(value as Readonly<Record<string, unknown>>);
          return [
            key,
            Object.fromEntries(properties.map(([name, of]) => [name, whole.includes(name) ? of : inside(of)])),
          ];
        }
        if (["anyOf", "oneOf", "allOf"].includes(key) && Array.isArray(value)) return [key, value.map(inside)];
        return ["items", "additionalProperties"].includes(key) ? [key, inside(value)] : [key, value];
      }),
    ),
  );
}
