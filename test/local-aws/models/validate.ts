import { shapeOf, type Reference, type ServiceModel } from "./model.ts";

/** What a value breaks in the model: `services[0].desiredCount: must be an integer`. */
export type Violation = string;

/**
 * Holds a request or an answer against the service's own model: required members, types, enums, lengths, ranges, patterns,
 * and no member that the model does not have.
 */
export function violations(model: ServiceModel, reference: Reference, value: unknown, path = ""): readonly Violation[] {
  const shape = shapeOf(model, reference);
  const at = (text: string): readonly Violation[] => [`${path === "" ? reference.shape : path}: ${text}`];
  switch (shape.type) {
    case "structure": {
      if (!isRecord(value)) return at("must be a structure");
      const members = Object.entries(value).filter(([, member]) => member !== undefined);
      const missing = (shape.required ?? []).filter((name) => value[name] === undefined);
      return [
        ...missing.flatMap((name) => at(`lacks the required member ${name}`)),
        ...members.flatMap(([name, member]) => {
          const known = shape.members[name];
          const place = path === "" ? name : `${path}.${name}`;
          return known === undefined ? at(`has no member ${name}`) : violations(model, known, member, place);
        }),
      ];
    }
    case "list":
      if (!Array.isArray(value)) return at("must be a list");
      return [
        ...outside(value.length, shape, "elements").flatMap(at),
        ...value.flatMap((element, index) => violations(model, shape.member, element, `${path}[${index}]`)),
      ];
    case "map":
      if (!isRecord(value)) return at("must be a map");
      return [
        ...outside(Object.keys(value).length, shape, "entries").flatMap(at),
        ...Object.entries(value).flatMap(([key, member]) => [
          ...violations(model, shape.key, key, `${path} key ${key}`),
          ...violations(model, shape.value, member, `${path}.${key}`),
        ]),
      ];
    case "string":
      if (typeof value !== "string") return at("must be a string");
      if (shape.enum !== undefined && !shape.enum.includes(value)) {
        return at(`must be one of ${shape.enum.join(", ")}, not "${value}"`);
      }
      if (shape.pattern !== undefined && !whole(shape.pattern).test(value)) return at(`must match ${shape.pattern}`);
      return outside(value.length, shape, "characters").flatMap(at);
    case "integer":
    case "long":
      if (!Number.isInteger(value)) return at("must be an integer");
      return outside(Number(value), shape, "").flatMap(at);
    case "float":
    case "double":
      if (typeof value !== "number") return at("must be a number");
      return outside(value, shape, "").flatMap(at);
    case "boolean":
      return typeof value === "boolean" ? [] : at("must be true or false");
    case "timestamp":
      return value instanceof Date && !Number.isNaN(value.getTime()) ? [] : at("must be a time");
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function outside(size: number, limits: { min?: number | undefined; max?: number | undefined }, unit: string): string[] {
  const unitText = unit === "" ? "" : ` ${unit}`;
  if (limits.min !== undefined && size < limits.min) return [`must be at least ${limits.min}${unitText}`];
  if (limits.max !== undefined && size > limits.max) return [`must be at most ${limits.max}${unitText}`];
  return [];
}

/** The models write patterns for matching the whole text. */
function whole(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`, "u");
}
