import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../domain/context.ts";
import { exportLock } from "./export-lock.ts";
import { type Lock, normalizedName } from "./lock.ts";
import { isWanted, MarkerError, type Target } from "./markers.ts";
import { installWheels, type WheelsRequest } from "./wheels.ts";

/** Some packages of a lock file, installed as they turn out to be needed. */
export interface Shelf {
  /** Where modules are to be looked for, in this order. */
  readonly folders: readonly string[];
  /**
   * Installs packages, and what they say that they need, as far as the lock file has them for this target.
   * @returns is anything there now that was not?
   * @throws UserError as {@link installWheels} does
   */
  add(names: readonly string[]): Promise<boolean>;
}

/** An empty one. @param request as for {@link installWheels}, but only what is asked for is installed */
export function openShelf(context: Context, request: WheelsRequest): Shelf {
  const { lock, folder, target, file, root } = request;
  let exported: Promise<Lock> | null = null;
  const folders: string[] = [];
  const asked = new Set<string>();

  const install = async (names: ReadonlySet<string>): Promise<readonly string[]> => {
    exported ??= exportLock(context, lock, { file, root });
    const whole = await exported;
    const requirements = whole.requirements.filter(({ name }) => names.has(normalizedName(name)));
    // A folder for each time: pip leaves a folder alone that is there already, and several packages may share one.
    const own = join(folder, String(asked.size));
    for (const name of names) asked.add(name);
    if (requirements.length === 0) return [];
    await mkdir(own, { recursive: true });
    const packages = await installWheels(context, { ...request, lock: { ...whole, requirements }, folder: own });
    if (packages === null) return [];
    folders.push(packages);
    return needsOf(packages, target);
  };

  return {
    folders,
    add: async (names) => {
      const before = folders.length;
      let wanted = notAsked(names, asked, lock);
      while (wanted.size > 0) wanted = notAsked(await install(wanted), asked, lock);
      return folders.length > before;
    },
  };
}

function notAsked(names: readonly string[], asked: ReadonlySet<string>, lock: Lock): ReadonlySet<string> {
  const locked = new Set(lock.requirements.map(({ name }) => normalizedName(name)));
  return new Set(names.map(normalizedName).filter((name) => locked.has(name) && !asked.has(name)));
}

/**
 * What installed packages need, without their extras.
 * Source: https://packaging.python.org/en/latest/specifications/core-metadata/#requires-dist-multiple-use
 */
async function needsOf(packages: string, target: Target): Promise<readonly string[]> {
  const installed = (await readdir(packages)).filter((name) => name.endsWith(".dist-info"));
  const texts = await Promise.all(installed.map((name) => readFile(join(packages, name, "METADATA"), "utf8")));
  return texts.flatMap((text) => {
    const [head = ""] = text.split(/\r?\n\r?\n/, 1);
    return [...head.matchAll(/^Requires-Dist:\s*([\w.-]+)[^;\n]*(?:;([^\n]*))?/gim)].flatMap(([, name = "", marker]) =>
      marker === undefined || mayBeWanted(marker.trim(), target) ? [name] : [],
    );
  });
}

/** What cannot be read is installed: the lock file has it for some reason. */
function mayBeWanted(marker: string, target: Target): boolean {
  try {
    return isWanted(marker, target);
  } catch (error) {
    if (error instanceof MarkerError) return true;
    throw error;
  }
}
