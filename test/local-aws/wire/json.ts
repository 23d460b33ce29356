import { shapeOf, type Reference, type ServiceModel } from "../models/model.ts";
import { isRecord } from "../models/validate.ts";

/** Seconds since 1970 become `Date`, null members are absent; whatever the model does not know stays as it came. */
export function fromJson(model: ServiceModel, reference: Reference, value: unknown): unknown {
  const shape = shapeOf(model, reference);
  if (shape.type === "timestamp") return typeof value === "number" ? new Date(value * 1000) : value;
  if (shape.type === "list" && Array.isArray(value)) {
    return value.map((element) => fromJson(model, shape.member, element));
  }
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== null);
  if (shape.type === "map") {
    return Object.fromEntries(entries.map(([key, member]) => [key, fromJson(model, shape.value, member)]));
  }
  if (shape.type !== "structure") return value;
  return Object.fromEntries(
    entries.map(([name, member]) => {
      const known = shape.members[name];
      return [name, known === undefined ? member : fromJson(model, known, member)];
    }),
  );
}

/** `Date` becomes seconds since 1970: awsJson has no other way to write a time. */
export function toJson(value: unknown): unknown {
  if (value instanceof Date) return value.getTime() / 1000;
  if (Array.isArray(value)) return value.map(toJson);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, toJson(member)]));
}
