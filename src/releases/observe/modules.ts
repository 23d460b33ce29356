import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pathInCheckout } from "../../stack/findings.ts";
import type { Stack } from "../../stack/index.ts";
import { nearest } from "../../stack/nearest.ts";
import type { Layers } from "../../stack/stack.ts";
import type { Observation } from "../observation.ts";
import { defaultWorkdir } from "./images.ts";

/**
 * Looks for the file of each code location's module, where its image has the top package from the checkout. A module that comes
 * in a package, from S3 or by a Dockerfile is not looked for: nobody knows here what is in there.
 */
export async function observeModules(
  { services, images, dags }: Pick<Stack, "services" | "images" | "dags">,
  root: string,
): Promise<Observation["missingModules"]> {
  const published = new Set(Object.values(dags).map(({ location }) => location));
  const found = await Promise.all(
    Object.values(services).map(async (service) => {
      if (service.kind !== "code-location" || service.module === null || published.has(service.location)) return [];
      const building = images[service.image]?.building;
      if (building?.kind !== "layers") return [];
      const { pythonPath, workdir } = service;
      const folders = [workdir ?? building.workdir ?? defaultWorkdir, ...(pythonPath === null ? [] : [pythonPath])];
      const missing = await firstMissing(service.module, { building, root }, folders);
      return missing === null ? [] : [[service.key, missing] as const];
    }),
  );
  return Object.fromEntries(found.flat());
}

interface Copied {
  readonly building: Layers;
  /** The checkout. */
  readonly root: string;
}

/** @returns null: it is there, or its top package is none of the checkout's. */
async function firstMissing(
  module: string,
  copied: Copied,
  folders: readonly string[],
): Promise<Observation["missingModules"][string] | null> {
  const parts = module.split(".");
  let missing: Observation["missingModules"][string] | null = null;
  for (const folder of folders) {
    const paths = parts.map((_part, index) => join(folder, ...parts.slice(0, index + 1)));
    const found = await Promise.all(paths.map((path) => isThere(copied, path)));
    const first = found.indexOf(false);
    if (first === -1) return null;
    if (first === 0) continue;
    const near = nearest(parts[first] ?? "", await modulesIn(copied, dirname(paths[first] ?? "")));
    const parent = parts.slice(0, first);
    missing ??= {
      module: [...parent, parts[first]].join("."),
      near: near === null ? null : [...parent, near, ...parts.slice(first + 1)].join("."),
    };
  }
  return missing;
}

/** A package, with or without `__init__.py`, or a module: of Python, or compiled (`shop.cpython-312-x86_64-linux-gnu.so`). */
async function isThere(copied: Copied, path: string): Promise<boolean> {
  const { building, root } = copied;
  for (const one of [path, `${path}.py`]) {
    const from = pathInCheckout(building, one);
    if (from !== null && (await exists(join(root, from)))) return true;
  }
  const names = await namesIn(copied, dirname(path));
  return names.some((name) => name.startsWith(`${basename(path)}.`));
}

async function modulesIn(copied: Copied, folder: string): Promise<readonly string[]> {
  const names = await namesIn(copied, folder);
  return names.filter((name) => /^[^._][^.]*(\.py)?$/.test(name)).map((name) => name.replace(/\.py$/, ""));
}

async function namesIn({ building, root }: Copied, folder: string): Promise<readonly string[]> {
  const from = pathInCheckout(building, folder);
  return from === null ? [] : readdir(join(root, from)).catch(() => []);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
