import { readdir, readFile } from "node:fs/promises";
import { posix } from "node:path";
import { parseScript, type Script } from "./scripts.ts";

/** The migrations of an image as the checkout has them, or why they cannot be looked at there. */
export type Scripts =
  | {
      readonly kind: "read";
      readonly scripts: readonly Script[];
      /** Where alembic finds them: absolute paths in the image. */
      readonly folders: readonly string[];
    }
  | { readonly kind: "unread"; readonly why: string };

/** Where the files of an image come from. */
export interface Checkout {
  readonly root: string;
  /** Path in the repository of a path in the image; null for what comes from elsewhere. */
  readonly pathOf: (pathInImage: string) => string | null;
}

/**
 * Reads the revisions that alembic would find in an image, from the checkout that the image is made of. Nothing is executed.
 * Source: https://alembic.sqlalchemy.org/en/latest/tutorial.html#editing-the-ini-file
 * @param workdir where alembic is started, in the image
 */
export async function readScripts(checkout: Checkout, workdir: string): Promise<Scripts> {
  const ini = posix.join(workdir, "alembic.ini");
  const text = await textOf(checkout, ini);
  if (text === null) return { kind: "unread", why: `the checkout has no ${ini} of the image` };
  const folders = versionFolders(text, workdir);
  if (folders === null) return { kind: "unread", why: `${ini} names its scripts in a way that is not followed` };
  const found = await Promise.all(folders.map((folder) => scriptsIn(checkout, folder)));
  const missing = folders.find((_, index) => found[index] === null);
  if (missing !== undefined) return { kind: "unread", why: `the checkout has no ${missing} of the image` };
  return { kind: "read", scripts: found.flatMap((scripts) => scripts ?? []), folders };
}

/** Folders of revisions, as paths in the image; null when they are in a Python package, or found by searching. */
function versionFolders(ini: string, workdir: string): readonly string[] | null {
  const section = /^\[alembic\]\s*$([\s\S]*?)(?=^\[|(?![\s\S]))/m.exec(ini)?.[1] ?? "";
  const setting = (name: string): string | null =>
    new RegExp(`^${name}[ \\t]*[=:][ \\t]*([^\\n]*?)[ \\t\\r]*$`, "m").exec(section)?.[1] ?? null;
  const location = setting("script_location");
  if (location === null || location === "" || setting("recursive_version_locations") === "true") return null;
  const written = setting("version_locations");
  const places = written === null || written === "" ? [`${location}/versions`] : written.split(/[\s,]+/);
  // A colon stands in the name of a package's folder, and between paths.
  if ([location, ...places].some((place) => place.includes(":"))) return null;
  const paths = places.map((place) => posix.resolve(workdir, place.replaceAll("%(here)s", workdir)));
  return paths.some((path) => path.includes("%(")) ? null : paths;
}

/** @returns null when there is no such folder */
async function scriptsIn({ root, pathOf }: Checkout, folder: string): Promise<readonly Script[] | null> {
  const path = pathOf(folder);
  if (path === null) return null;
  const names = await readdir(posix.join(root, path)).catch(() => null);
  if (names === null) return null;
  const scripts = names.filter((name) => /^(?!\.#|__init__).*\.py$/.test(name)).sort();
  const parsed = await Promise.all(
    scripts.map(async (name) => {
      const file = posix.join(path, name);
      return parseScript({ path: file, text: await readFile(posix.join(root, file), "utf8") });
    }),
  );
  return parsed.filter((script) => script !== null);
}

async function textOf({ root, pathOf }: Checkout, pathInImage: string): Promise<string | null> {
  const path = pathOf(pathInImage);
  return path === null ? null : readFile(posix.join(root, path), "utf8").catch(() => null);
}
