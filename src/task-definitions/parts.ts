import type { Json, JsonMap } from "../domain/json.ts";

/** Of a container or a variable, for people: on one line, and not without end. */
export function nameOf({ name }: JsonMap): string {
  return typeof name === "string" ? name.replaceAll(/\s+/g, " ").slice(0, 100) : "without a name";
}

/** An array; none for everything else. */
export function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
