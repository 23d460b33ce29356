import { type FileHandle, open, readdir, readFile, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import { readElf } from "./elf.ts";
import type { PackageElf } from "./libraries.ts";
import { filesInRecord } from "./packages.ts";

/** What is known of installed packages when one has looked at their files. */
export interface Survey {
  readonly objects: readonly PackageElf[];
  /** File names that packages bring. */
  readonly names: ReadonlySet<string>;
  /** Top-level modules, and `.pth` files, each with its package. */
  readonly modules: ReadonlyMap<string, string>;
  readonly paths: ReadonlyMap<string, string>;
  /** The package of each file, by its path in the folder: `dagster 1.12.3`. */
  readonly owners: ReadonlyMap<string, string>;
}

/** Looks at all files of installed packages. @param folder where pip has put them */
export async function surveyPackages(folder: string): Promise<Survey> {
  const owners = await ownersOf(folder);
  const objects: PackageElf[] = [];
  const names = new Set<string>();
  const modules = new Map<string, string>();
  const paths = new Map<string, string>();
  for (const item of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!item.isFile()) continue;
    const file = join(item.parentPath, item.name);
    const path = posix.relative(folder, file);
    const owner = owners.get(path) ?? "a package";
    const [, module] = /^([A-Za-z_]\w*)(?:\.py|\/__init__\.py)$/.exec(path) ?? [];
    if (module !== undefined) modules.set(module, owner);
    if (/^[^/]+\.pth$/.test(path)) paths.set(path, owner);
    const { mode } = await stat(file);
    const isLibrary = /\.so(\.|$)/.test(item.name);
    if (isLibrary) names.add(item.name);
    if (!isLibrary && (mode & 0o111) === 0 && !path.startsWith("bin/")) continue;
    const elf = await elfOf(file);
    if (elf !== null) objects.push({ path, package: owner, elf });
  }
  return {
    objects: objects.sort((a, b) => (a.path < b.path ? -1 : 1)),
    names,
    modules: byName(modules),
    paths: byName(paths),
    owners,
  };
}

function byName(found: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function elfOf(file: string): Promise<PackageElf["elf"] | null> {
  const handle: FileHandle = await open(file);
  try {
    return await readElf(async (offset, length) => {
      const { size } = await handle.stat();
      const bytes = Buffer.alloc(Math.max(0, Math.min(length, size - offset)));
      if (bytes.length > 0) await handle.read(bytes, 0, bytes.length, offset);
      return bytes;
    });
  } finally {
    await handle.close();
  }
}

/** The package of each file, as the packages list them. */
async function ownersOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const owners = new Map<string, string>();
  for (const name of await readdir(folder)) {
    const [, project, version] = /^([\w.-]+)-([\w.!+]+)\.dist-info$/.exec(name) ?? [];
    if (project === undefined || version === undefined) continue;
    const record = await readFile(join(folder, name, "RECORD"), "utf8").catch(() => "");
    for (const path of filesInRecord(record)) owners.set(path, `${project.replaceAll("_", "-")} ${version}`);
  }
  return owners;
}
