import type { DagsFile, DagsFiles } from "../domain/dags.ts";

/** Paths that differ between two versions, each list in the order of its names. */
export interface DagsChanges {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** @param from null: nothing was there before */
export function compareFiles(from: DagsFiles | null, to: DagsFiles): DagsChanges {
  const before = from ?? {};
  return {
    added: paths(to, (path) => !Object.hasOwn(before, path)),
    changed: paths(to, (path, file) => Object.hasOwn(before, path) && !isEqual(before[path], file)),
    removed: paths(before, (path) => !Object.hasOwn(to, path)),
  };
}

function paths(files: DagsFiles, wanted: (path: string, file: DagsFile) => boolean): readonly string[] {
  return Object.entries(files)
    .filter(([path, file]) => wanted(path, file))
    .map(([path]) => path)
    .sort();
}

function isEqual(a: DagsFile | undefined, b: DagsFile): boolean {
  if (a === undefined) return false;
  if ("link" in a || "link" in b) return "link" in a && "link" in b && a.link === b.link;
  return a.sha256 === b.sha256 && a.mode === b.mode && a.size === b.size;
}
