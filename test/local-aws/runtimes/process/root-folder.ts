import { cpSync, existsSync, mkdirSync, readdirSync, realpathSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";

/** One unpacked layer. */
export interface Layer {
  readonly folder: string;
  /** Big ones are one folder for all tasks and are linked; small ones are copied, so that a task can write there. */
  readonly shared: boolean;
}

const opaque = ".wh..wh..opq";
const whiteout = ".wh.";

/**
 * Lays the layers of an image over each other as one folder. Where a folder is in one shared layer only it becomes a
 * link, so that joining takes a few calls however big the layers are, and needs no right to mount anything.
 * @param layers lowest first, as the image's manifest has them.
 * @param root made by this.
 */
export function makeRootFolder(layers: readonly Layer[], root: string): void {
  mkdirSync(root, { recursive: true });
  merge(layers, root);
}

/**
 * Where a path of the image really is: the longest part of it that exists, resolved, and the rest.
 * @returns null when not even its first part is in the image.
 */
export function locate(root: string, path: string): string | null {
  let existing = path.replace(/\/+$/, "");
  while (existing !== "/" && existing !== "" && !existsSync(root + existing)) existing = dirname(existing);
  if (existing === "/" || existing === "") return null;
  return realpathSync(root + existing) + path.slice(existing.length);
}

/** @param sources the same folder of the image in each layer that has it, lowest first. */
function merge(sources: readonly Layer[], target: string): void {
  for (const [name, { folders, file }] of contentsOf(sources)) {
    const path = join(target, name);
    const [only, ...others] = folders;
    if (file !== null) put(file, path);
    else if (only !== undefined && others.length === 0 && only.shared) symlinkSync(only.folder, path);
    else {
      mkdirSync(path);
      merge(folders, path);
    }
  }
}

/**
 * What stands under one name: a file or link of the uppermost layer that has one, or the folders that make up one
 * folder.
 */
interface Contents {
  readonly file: Layer | null;
  readonly folders: readonly Layer[];
}

function contentsOf(sources: readonly Layer[]): ReadonlyMap<string, Contents> {
  const contents = new Map<string, Contents>();
  for (const { folder, shared } of sources) {
    const entries = readdirSync(folder, { withFileTypes: true });
    const names = entries.map(({ name }) => name);
    // Whiteouts speak of the layers below, whatever their place among the entries.
    if (names.includes(opaque)) contents.clear();
    for (const name of names.filter((name) => name.startsWith(whiteout))) contents.delete(name.slice(whiteout.length));
    for (const entry of entries.filter(({ name }) => !name.startsWith(whiteout))) {
      const layer = { folder: join(folder, entry.name), shared };
      const below = contents.get(entry.name)?.folders ?? [];
      contents.set(
        entry.name,
        entry.isDirectory() ? { file: null, folders: [...below, layer] } : { file: layer, folders: [] },
      );
    }
  }
  return contents;
}

function put({ folder: file, shared }: Layer, path: string): void {
  if (shared) symlinkSync(file, path);
  else cpSync(file, path, { verbatimSymlinks: true });
}
