import { shapeOf, type Reference, type ServiceModel } from "./model.ts";

/** What a value breaks in the model: `services[0].desiredCount: must be an integer`. */
export type Violation = string;

/**
 * Holds a request or an answer against the service's own model: required members, types, enums, lengths, ranges, patterns,
 * and no member that the model does not have. Every call of every test passes here twice: nothing is built for what is right.
 */
export function violations(model: ServiceModel, reference: Reference, value: unknown): readonly Violation[] {
  const found: Violation[] = [];
  hold(model, reference, value, [], found);
  return found;
}

/** Way from the whole to a part of it: a member or an entry by its name, an element by its index. */
type Trail = (string | number)[];

function hold(model: ServiceModel, reference: Reference, value: unknown, trail: Trail, found: Violation[]): void {
  const shape = shapeOf(model, reference);
  const add = (text: string): void => void found.push(`${showTrail(trail) || reference.shape}: ${text}`);
  const holdPart = (step: string | number, part: Reference, partValue: unknown): void => {
    trail.push(step);
    hold(model, part, partValue, trail, found);
    trail.pop();
  };
  switch (shape.type) {
    case "structure":
      if (!isRecord(value)) return add("must be a structure");
      for (const name of shape.required ?? []) {
        if (value[name] === undefined) add(`lacks the required member ${name}`);
      }
      for (const name of Object.keys(value)) {
        const member = value[name];
        if (member === undefined) continue;
        const known = shape.members[name];
        if (known === undefined) add(`has no member ${name}`);
        else holdPart(name, known, member);
      }
      return;
    case "list":
      if (!Array.isArray(value)) return add("must be a list");
      checkSize(value.length, shape, "elements", add);
      for (const [index, element] of value.entries()) holdPart(index, shape.member, element);
      return;
    case "map":
      if (!isRecord(value)) return add("must be a map");
      checkSize(Object.keys(value).length, shape, "entries", add);
      for (const [key, entry] of Object.entries(value)) {
        holdPart(keyMark + key, shape.key, key);
        holdPart(key, shape.value, entry);
      }
      return;
    case "string":
      if (typeof value !== "string") return add("must be a string");
      if (shape.enum !== undefined && !shape.enum.includes(value)) {
        return add(`must be one of ${shape.enum.join(", ")}, not "${value}"`);
      }
      if (shape.pattern !== undefined && !whole(shape.pattern).test(value)) return add(`must match ${shape.pattern}`);
      return checkSize(value.length, shape, "characters", add);
    case "integer":
    case "long":
      if (!Number.isInteger(value)) return add("must be an integer");
      return checkSize(Number(value), shape, "", add);
    case "float":
    case "double":
      if (typeof value !== "number") return add("must be a number");
      return checkSize(value, shape, "", add);
    case "boolean":
      if (typeof value !== "boolean") add("must be true or false");
      return;
    case "timestamp":
      if (!(value instanceof Date) || Number.isNaN(value.getTime())) add("must be a time");
  }
}

const keyMark = " key ";

/** `services[0].desiredCount`, `tags key Name` */
function showTrail(trail: Trail): string {
  const shown = trail.map((step) => {
    if (typeof step === "number") return `[${step}]`;
    return step.startsWith(keyMark) ? step : `.${step}`;
  });
  return shown.join("").replace(/^\./, "");
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function checkSize(
  size: number,
  { min, max }: { readonly min?: number | undefined; readonly max?: number | undefined },
  unit: string,
  add: (text: string) => void,
): void {
  const unitText = unit === "" ? "" : ` ${unit}`;
  if (min !== undefined && size < min) add(`must be at least ${min}${unitText}`);
  else if (max !== undefined && size > max) add(`must be at most ${max}${unitText}`);
}

const patterns = new Map<string, RegExp>();

/** The models write patterns for matching the whole text. */
function whole(pattern: string): RegExp {
  const known = patterns.get(pattern) ?? new RegExp(`^(?:${pattern})$`, "u");
  patterns.set(pattern, known);
  return known;
}
