import { canonicalJson, isMap, type Json } from "../../src/domain/json.ts";

/** What became of the members of a definition, as paths: `containerDefinitions.web.environment.PORT.value`. */
export interface Differences {
  readonly lost: readonly string[];
  /** Lists and mappings that were there, and empty: ECS takes one that is not there for the same. */
  readonly lostEmpty: readonly string[];
  readonly changed: readonly string[];
  readonly added: readonly string[];
}

/**
 * Compares what was sent with what stood in the file, value by value. An element of a list is found again by its `name`, or `key`;
 * else by its place in a list that is as long, and by its value in one that is not. A member that is null is one that is not there.
 */
export function differences(before: Json, after: Json): Differences {
  const found = { lost: [] as string[], lostEmpty: [] as string[], changed: [] as string[], added: [] as string[] };
  compare(before, after, [], found);
  return found;
}

type Found = { readonly [Kind in keyof Differences]: string[] };

function compare(before: Json, after: Json, path: readonly string[], found: Found): void {
  if (isMap(before) && isMap(after)) {
    compareParts(partsOf(before), partsOf(after), path, found);
    return;
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    compareLists(before as readonly Json[], after as readonly Json[], path, found);
    return;
  }
  if (canonicalJson(before) !== canonicalJson(after)) found.changed.push(path.join("."));
}

function compareLists(before: readonly Json[], after: readonly Json[], path: readonly string[], found: Found): void {
  const [names, others] = [namesOf(before), namesOf(after)];
  if (names !== null && others !== null) {
    compareParts(named(names, before), named(others, after), path, found);
    return;
  }
  if (before.length === after.length) {
    for (const [index, element] of before.entries())
      compare(element, after[index] ?? null, [...path, String(index)], found);
    return;
  }
  const left = after.map((element) => canonicalJson(element));
  for (const [index, element] of before.entries()) {
    const at = left.indexOf(canonicalJson(element));
    if (at >= 0) left.splice(at, 1);
    else lose(element, [...path, String(index)], found);
  }
  for (const _ of left) found.added.push([...path, "+"].join("."));
}

type Parts = ReadonlyMap<string, Json>;

function compareParts(before: Parts, after: Parts, path: readonly string[], found: Found): void {
  for (const [key, value] of before) {
    const other = after.get(key);
    if (other === undefined) lose(value, [...path, key], found);
    else compare(value, other, [...path, key], found);
  }
  for (const [key, value] of after) if (!before.has(key)) found.added.push(...leaves(value, [...path, key]));
}

function lose(value: Json, path: readonly string[], found: Found): void {
  const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
  (isEmpty ? found.lostEmpty : found.lost).push(...leaves(value, path));
}

/** How many values a definition has: what could be lost. */
export function countOf(value: Json): number {
  return leaves(value, []).length;
}

/** Paths of the values in it; an empty list or mapping is one. */
function leaves(value: Json, path: readonly string[]): readonly string[] {
  const parts = Array.isArray(value)
    ? (value as readonly Json[]).map((element, index) => [String(index), element] as const)
    : isMap(value)
      ? [...partsOf(value)]
      : [];
  if (parts.length === 0) return [path.join(".")];
  return parts.flatMap(([key, part]) => leaves(part, [...path, key]));
}

function partsOf(map: { readonly [member: string]: Json }): Parts {
  return new Map(Object.entries(map).filter(([, value]) => value !== null));
}

function namesOf(list: readonly Json[]): readonly string[] | null {
  const names = list.flatMap((element) => {
    const name = isMap(element) ? (element["name"] ?? element["key"]) : null;
    return typeof name === "string" ? [name] : [];
  });
  return names.length === list.length && new Set(names).size === names.length ? names : null;
}

function named(names: readonly string[], list: readonly Json[]): Parts {
  return new Map(names.map((name, index) => [name, list[index] ?? null]));
}
