import type { Entry, MapTree, Path, Tree } from "./tree.ts";

/** Ways of building an image: the one an environment names replaces the other. */
const waysOfBuilding = ["build", "layers"];

/**
 * Lays an environment's values over the top of the file. Mappings merge by key; lists and single values replace;
 * `contract` replaces whole, and so does an image's way of building. Every value keeps the place where it was written.
 */
export function overlay(base: MapTree, over: MapTree): MapTree {
  return mergeMaps(base, over, []);
}

function merge(base: Tree, over: Tree, path: Path): Tree {
  return base.kind !== "map" || over.kind !== "map" || replacesWhole(path) ? over : mergeMaps(base, over, path);
}

function mergeMaps(base: MapTree, over: MapTree, path: Path): MapTree {
  const entries = new Map(isImage(path) ? withoutOtherWay(base, over) : base.entries);
  for (const [key, { key: keyPlace, value }] of over.entries) {
    const below = entries.get(key);
    entries.set(
      key,
      below === undefined
        ? { key: keyPlace, value }
        : { key: value.kind === "map" ? below.key : keyPlace, value: merge(below.value, value, [...path, key]) },
    );
  }
  return { kind: "map", place: base.place, entries };
}

function replacesWhole(path: Path): boolean {
  return path.length === 1 && path[0] === "contract";
}

function isImage(path: Path): boolean {
  return path.length === 2 && path[0] === "images";
}

function withoutOtherWay(base: MapTree, over: MapTree): readonly (readonly [string, Entry])[] {
  const replaced = waysOfBuilding.some((way) => over.entries.has(way));
  return [...base.entries].filter(([key]) => !replaced || !waysOfBuilding.includes(key));
}
