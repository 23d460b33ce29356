import { join, posix } from "node:path";
import { type Place, UserError } from "../domain/errors.ts";
import { contentHash } from "../domain/json.ts";
import type { Lock } from "./lock.ts";
import type { ImageRequest } from "./request.ts";
import { copySources, readSources, type SourceKind } from "../files/sources.ts";

/**
 * What stands in the content key for packages whose source is in the checkout: a hash of all their files, by folder.
 * @throws UserError for a folder that is not in the checkout
 */
export async function hashLocalPackages(
  { root, requirements }: Pick<ImageRequest, "root" | "requirements">,
  lock: Lock | null,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const hashes: Record<string, string> = {};
  for (const { local, line } of lock?.requirements ?? []) {
    if (local === null || requirements === null) continue;
    const place = { file: requirements, line, column: 1 };
    const from = folderOf(local, { root, requirements, place });
    const request = { root, files: [{ from, to: "/package", place }], generated: {} };
    const { files } = await readSources(request, signal, packageSources);
    hashes[from] = contentHash(files);
  }
  return hashes;
}

/** The lock file of a checkout, and the line of it that names a package. */
interface Named {
  readonly root: string;
  readonly requirements: string;
  readonly place: Place;
}

/**
 * Copies a package whose source is in the checkout: the files that its hash is of, and no others. Its build may write beside them, and does
 * not find what an earlier one has left.
 * @returns the folder of the copy
 * @throws UserError for a folder that is not in the checkout
 */
export async function copyLocalPackage(local: string, to: string, named: Named, signal: AbortSignal): Promise<string> {
  const from = folderOf(local, named);
  await copySources(
    { root: named.root, files: [{ from, to: "/package", place: named.place }] },
    to,
    signal,
    packageSources,
  );
  return join(to, from);
}

function folderOf(local: string, { root, requirements, place }: Named): string {
  const from = inCheckout(local, requirements, root);
  if (from !== null) return from;
  throw new UserError({
    what: `The package in ${local} is not in the checkout: nobody could tell when it has changed.`,
    where: place,
    fix: "Bring it into the repository, or build it once and put it into an index of your own.",
  });
}

/**
 * What pip builds a package of: `.dockerignore` is nothing to it. What tools leave behind in the folder is left out, since it would make
 * another key of the same source on each machine: build, dist and metadata of setuptools, environments, caches.
 */
const packageSources: SourceKind = {
  dockerignore: false,
  layer: false,
  leavesOut:
    /^(?:build|dist)$|(?:^|\/)(?:[^/]+\.egg-info|\.venv|\.tox|\.nox|\.(?:pytest|mypy|ruff)_cache|node_modules)$/,
  leaveOut: "remove it from the package",
};

/** Of what a lock file names; null when it lies elsewhere. */
function inCheckout(local: string, lockFile: string, root: string): string | null {
  const path = posix.isAbsolute(local) ? posix.relative(root, local) : posix.join(posix.dirname(lockFile), local);
  const normal = posix.normalize(path).replace(/\/$/, "");
  return normal === ".." || normal.startsWith("../") || posix.isAbsolute(normal) ? null : normal;
}
