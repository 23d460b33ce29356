import type { Json } from "./json.ts";

/** What a step will know once it is done: the digest of a pushed image, the ARN of a registered revision. */
export interface Hole {
  readonly step: string;
  readonly field: "digest" | "arn";
}

/** A text with holes that steps of the plan fill. */
export interface Pending {
  readonly pending: readonly (string | Hole)[];
}

/** A text that a plan may not know yet. Plain data: it can be printed, compared and hashed like any other. */
export type Later = string | Pending;

/** JSON in which any text may be known later. */
export type LaterJson = null | boolean | number | Later | readonly LaterJson[] | { readonly [key: string]: LaterJson };

/** What steps that are done have given: `results[step][field]`. */
export type Results = Readonly<Record<string, Partial<Record<Hole["field"], string>>>>;

export function isPending(value: unknown): value is Pending {
  return typeof value === "object" && value !== null && "pending" in value;
}

/** The hole itself, as a text. */
export function later(step: string, field: Hole["field"]): Pending {
  return { pending: [{ step, field }] };
}

/** A template literal whose holes may be known later: later`${repository}@${digest}`. All known gives a plain text. */
export function laterText(strings: TemplateStringsArray, ...values: readonly Later[]): Later {
  return joined(strings.flatMap((text, index) => [text, values[index] ?? ""]));
}

/** One text of several. All known gives a plain text. */
function joined(values: readonly Later[]): Later {
  const parts: (string | Hole)[] = [];
  for (const part of values.flatMap((value) => (isPending(value) ? value.pending : [value]))) {
    const last = parts.at(-1);
    if (typeof part === "string" && typeof last === "string") parts[parts.length - 1] = last + part;
    else if (part !== "") parts.push(part);
  }
  if (parts.length === 0) return "";
  const [only, ...rest] = parts;
  return rest.length === 0 && typeof only === "string" ? only : { pending: parts };
}

/**
 * For people: holes read `(known after apply)`.
 * @param results of the steps that are done
 */
export function showLater(value: Later, results: Results = {}): string {
  if (!isPending(value)) return value;
  return value.pending
    .map((part) => (typeof part === "string" ? part : (results[part.step]?.[part.field] ?? "(known after apply)")))
    .join("");
}

/**
 * Fills the holes.
 * @throws Error when a step that is named has not given that field: the plan's order is wrong, which is a bug.
 */
export function resolveText(value: Later, results: Results): string {
  if (!isPending(value)) return value;
  return value.pending.map((part) => (typeof part === "string" ? part : fill(part, results))).join("");
}

/** Fills every hole of a structure. @throws Error as {@link resolveText} does. */
export function resolve(value: LaterJson, results: Results): Json {
  if (value === null || typeof value !== "object") return value;
  if (isPending(value)) return resolveText(value, results);
  if (Array.isArray(value)) return value.map((member: LaterJson) => resolve(member, results));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, resolve(member, results)]));
}

/** Fills those holes of a structure that are known, and leaves the others. */
export function fillKnown(value: LaterJson, results: Results): LaterJson {
  if (value === null || typeof value !== "object") return value;
  if (isPending(value)) {
    return joined(
      value.pending.map((part) =>
        typeof part === "string" ? part : (results[part.step]?.[part.field] ?? { pending: [part] }),
      ),
    );
  }
  if (Array.isArray(value)) return value.map((member: LaterJson) => fillKnown(member, results));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, fillKnown(member, results)]));
}

/** Puts something that may be known later in the place of a text, wherever that stands in a structure. */
export function substitute(value: LaterJson, text: string, by: Later): LaterJson {
  if (value === null || typeof value !== "object") {
    if (typeof value !== "string") return value;
    return joined(value.split(text).flatMap((part, index) => (index === 0 ? [part] : [by, part])));
  }
  if (isPending(value)) return value;
  if (Array.isArray(value)) return value.map((member: LaterJson) => substitute(member, text, by));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, substitute(member, text, by)]));
}

/** Puts `(known after apply)` into every hole of a structure, for printing and for comparing by eye. */
export function showAll(value: LaterJson): Json {
  if (value === null || typeof value !== "object") return value;
  if (isPending(value)) return showLater(value);
  if (Array.isArray(value)) return value.map((member: LaterJson) => showAll(member));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, showAll(member)]));
}

/** The steps that must be done before this can be resolved, each once. */
export function stepsBehind(value: LaterJson): readonly string[] {
  const steps = new Set<string>();
  const visit = (member: LaterJson): void => {
    if (member === null || typeof member !== "object") return;
    if (isPending(member)) {
      for (const part of member.pending) if (typeof part !== "string") steps.add(part.step);
    } else {
      for (const inner of Object.values(member)) visit(inner as LaterJson);
    }
  };
  visit(value);
  return [...steps];
}

function fill({ step, field }: Hole, results: Results): string {
  const value = results[step]?.[field];
  if (value === undefined) throw new Error(`step ${step} has given no ${field}`);
  return value;
}
