import type { Place } from "../domain/errors.ts";

/**
 * What a file says, each value with its place. Places travel along when values are overlaid or their placeholders
 * replaced.
 */
export type Tree = MapTree | ListTree | ScalarTree;

export interface MapTree {
  readonly kind: "map";
  readonly place: Place;
  readonly entries: ReadonlyMap<string, Entry>;
}

export interface Entry {
  /** Where the key stands. */
  readonly key: Place;
  readonly value: Tree;
}

export interface ListTree {
  readonly kind: "list";
  readonly place: Place;
  readonly items: readonly Tree[];
}

export interface ScalarTree {
  readonly kind: "scalar";
  readonly place: Place;
  readonly value: string | number | boolean | null;
}

/** Keys and list indices, from the top of the file. */
export type Path = readonly PropertyKey[];

/** The plain value. */
export function toValue(tree: Tree): unknown {
  switch (tree.kind) {
    case "scalar":
      return tree.value;
    case "list":
      return tree.items.map(toValue);
    case "map":
      return Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, toValue(value)]));
  }
}

/** A plain value as a tree, for what has no lines: all of it stands at one place. */
export function fromValue(value: unknown, place: Place): Tree {
  if (Array.isArray(value)) return { kind: "list", place, items: value.map((item) => fromValue(item, place)) };
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, member]): [string, Entry] => [
      key,
      { key: place, value: fromValue(member, place) },
    ]);
    return { kind: "map", place, entries: new Map(entries) };
  }
  const isScalar = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return { kind: "scalar", place, value: isScalar ? value : null };
}

/** The value at a path; null when nothing is written there. */
export function at(tree: Tree, path: Path): Tree | null {
  let found: Tree | undefined = tree;
  for (const step of path) found = found === undefined ? undefined : child(found, step);
  return found ?? null;
}

/** The entries of the mapping at a path; none when there is no mapping. */
export function entriesAt(tree: Tree, path: Path): ReadonlyMap<string, Entry> {
  const found = at(tree, path);
  return found?.kind === "map" ? found.entries : new Map();
}

/** The items of the list at a path; none when there is no list. */
export function itemsAt(tree: Tree, path: Path): readonly Tree[] {
  const found = at(tree, path);
  return found?.kind === "list" ? found.items : [];
}

/** The text at a path, with its place; null when there is no text. */
export function textAt(tree: Tree, path: Path): { readonly text: string; readonly place: Place } | null {
  const found = at(tree, path);
  return found?.kind === "scalar" && typeof found.value === "string" ? { text: found.value, place: found.place } : null;
}

/** Where the value at a path stands, or would stand: the place of the nearest thing above it that is written. */
export function placeAt(tree: Tree, path: Path): Place {
  return at(tree, path)?.place ?? keyPlaceAt(tree, path);
}

/** Where the key at the end of a path stands; for what has no key of its own, the nearest one above. */
export function keyPlaceAt(tree: Tree, path: Path): Place {
  if (path.length === 0) return tree.place;
  const parent = path.slice(0, -1);
  const above = at(tree, parent);
  const last = path.at(-1);
  if (above?.kind === "map") return above.entries.get(String(last))?.key ?? keyPlaceAt(tree, parent);
  return (above?.kind === "list" ? above.items[Number(last)]?.place : undefined) ?? keyPlaceAt(tree, parent);
}

/** `services.web.mounts`, `migrations[0].image` */
export function showPath(path: Path): string {
  return path
    .map((step, index) => (typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${String(step)}`))
    .join("");
}

function child(tree: Tree, step: PropertyKey): Tree | undefined {
  if (tree.kind === "map") return tree.entries.get(String(step))?.value;
  return tree.kind === "list" ? tree.items[Number(step)] : undefined;
}
