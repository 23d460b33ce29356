import type { Generated, Read } from "../generate.ts";
import { type JsonSchema, stackFileSchema } from "./schemas.ts";

const path = "docs/stack-file.md";

/** `<!-- keys: images * build -->` up to `<!-- end -->` */
const table = /(<!-- keys:([^>]*?) -->\n)[^]*?(<!-- end -->)/g;

/** The reference of the stack file: its prose as it is, its tables made of the schema. */
export function stackFileReference(read: Read): Generated {
  const schema = stackFileSchema();
  const text = read(path).replaceAll(table, (_whole, begin: string, name: string, end: string) => {
    return `${begin}${keyTable(
      partOf(
        schema,
        name.split(" ").filter((step) => step !== ""),
      ),
    )}${end}`;
  });
  return { path, text };
}

/**
 * A part by the way to it: names of keys; `*` for what is below any name or in a list; `#1` for the second of several
 * forms; `common` for the keys that all forms share, `=daemon` for those that only this form has.
 */
function partOf(schema: JsonSchema, [step, ...rest]: readonly string[]): JsonSchema {
  if (step === undefined) return schema;
  return partOf(oneStep(schema, step), rest);
}

function oneStep(schema: JsonSchema, step: string): JsonSchema {
  const forms = formsOf(schema);
  const found =
    step === "*"
      ? (schema["additionalProperties"] ?? schema["items"])
      : step.startsWith("#")
        ? forms[Number(step.slice(1))]
        : step === "common"
          ? onlyKeys(forms[0], (key) => isShared(key, forms))
          : step.startsWith("=")
            ? onlyKeys(
                forms.find((form) => isForm(form, step.slice(1))),
                (key) => !isShared(key, forms),
              )
            : schema.properties?.[step];
  if (typeof found !== "object" || found === null) throw new Error(`the schema has no ${step} there`);
  return found as JsonSchema;
}

function formsOf(schema: JsonSchema): readonly JsonSchema[] {
  const forms = schema["oneOf"] ?? schema["anyOf"];
  return Array.isArray(forms) ? (forms as readonly JsonSchema[]) : [];
}

function isForm({ properties = {} }: JsonSchema, name: string): boolean {
  return Object.values(properties).some((property) => property["const"] === name);
}

function isShared(key: string, forms: readonly JsonSchema[]): boolean {
  const texts = forms.map((form) => JSON.stringify(form.properties?.[key]));
  return texts.every((text) => text === texts[0]);
}

function onlyKeys(schema: JsonSchema | undefined, keep: (key: string) => boolean): JsonSchema | undefined {
  if (schema === undefined) return undefined;
  const properties = Object.entries(schema.properties ?? {}).filter(([key]) => keep(key));
  return { ...schema, properties: Object.fromEntries(properties) };
}

function keyTable({ properties = {}, required = [] }: JsonSchema): string {
  const rows = Object.entries(properties).map(([key, property]) => {
    const meaning = String(property.description ?? "").replaceAll("|", String.raw`\|`);
    const otherwise = required.includes(key) ? "required" : defaultOf(property);
    return `| \`${key}\` | ${typeOf(property)} | ${otherwise} | ${meaning} |\n`;
  });
  return `| Key | Value | Default | Meaning |\n| --- | --- | --- | --- |\n${rows.join("")}`;
}

function typeOf(schema: JsonSchema): string {
  const forms = formsOf(schema);
  if (forms.length > 0) return [...new Set(forms.map(typeOf))].join(" or ");
  const values = schema["enum"] ?? ("const" in schema ? [schema["const"]] : []);
  if (Array.isArray(values) && values.length > 0) return values.map((value) => `\`${String(value)}\``).join(" or ");
  switch (schema["type"]) {
    case "string":
      return "text";
    case "integer":
      return "whole number";
    case "boolean":
      return "`true` or `false`";
    case "array":
      return `list of ${several(typeOf(schema["items"] as JsonSchema))}`;
    default: {
      const each = schema["additionalProperties"];
      const named = schema.properties === undefined && typeof each === "object" && each !== null;
      return named ? `name to ${typeOf(each as JsonSchema)}` : "mapping";
    }
  }
}

function several(type: string): string {
  return type.replaceAll(/\b(text|mapping)\b/g, "$1s");
}

function defaultOf(schema: JsonSchema): string {
  const value = schema["default"];
  if (value === undefined || value === "" || (typeof value === "object" && value !== null)) return "";
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}
