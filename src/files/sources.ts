import { createHash, hash } from "node:crypto";
import { lstatSync, readFileSync } from "node:fs";
import { copyFile, lstat, mkdir, readdir, readFile, readlink, realpath, rm, symlink } from "node:fs/promises";
import { dirname, join, posix, relative, sep } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { type Place, UserError } from "../domain/errors.ts";
import { type Ignored, parseDockerignore } from "./dockerignore.ts";
import { chunksOf, readAtOnce, type TreeEntry } from "./archive.ts";
import { type SecretFile, secretByContent, secretByName } from "./secret-files.ts";

/** What is taken of a checkout. */
export interface SourceRequest {
  /** The checkout. Every path below is relative to it. */
  readonly root: string;
  /** As `COPY` does it: what is in a folder goes into the folder `to`, a file becomes the file `to`. Later ones win. */
  readonly files: readonly FileMapping[];
  /** Files that no checkout has: their absolute path, and what they hold. */
  readonly generated: Readonly<Record<string, string>>;
}

export interface FileMapping {
  readonly from: string;
  /** Where the user names it. */
  readonly place?: Place | string;
  /** Absolute path where it is unpacked: in the image, or below the root of a version of DAGs. */
  readonly to: string;
}

/** What becomes of the files, as far as it matters to what may be among them. */
export interface SourceKind {
  /** `.dockerignore` leaves out what it names. */
  readonly dockerignore: boolean;
  /** They become a layer of an image, in which some names mean something else. */
  readonly layer: boolean;
  /** Left out, by its path in the folder that is taken, beside what always is. */
  readonly leavesOut?: RegExp;
  /** What people can do about a file that cannot be packed, as the end of a sentence. */
  readonly leaveOut: string;
}

/** Files of an image, as they are in the checkout. */
export const imageSources: SourceKind = {
  dockerignore: true,
  layer: true,
  leaveOut: "leave it out by a line in .dockerignore",
};

/** The code of an image or of a location: what is packed, and what stands for it in the name of its content. */
export interface Sources {
  readonly entries: readonly TreeEntry[];
  /** By path: `0644 <SHA-256 in hex>`, `0755 …`, or `link <target>`. */
  readonly files: Readonly<Record<string, string>>;
  /** Of all files, in bytes. */
  readonly size: number;
  /** Those that look as if they held a secret, in the order of their paths. */
  readonly secretFiles: readonly SecretFile[];
}

/**
 * Reads and hashes what is to be packed.
 *
 * Left out, beside what `.dockerignore` says: `.git`, which no two checkouts have alike, and byte code, whose times lie.
 * Folders without files are left out too, as git does not keep them; nor are the folder `to` and those above it written: the base may
 * have them, with an owner and mode of its own. An engine that unpacks the layer makes the missing ones as 0755, and takes
 * over those that are there (containerd `archive/tar.go`, `mkparent`).
 *
 * @throws UserError when there is nothing to copy, or something that cannot be.
 */
export async function readSources(
  { root, files, generated }: SourceRequest,
  signal: AbortSignal,
  kind: SourceKind = imageSources,
): Promise<Sources> {
  const ignored = kind.dockerignore ? await ignoredIn(root) : parseDockerignore("");
  const found = new Map<string, Found>();
  for (const mapping of files) {
    for (const file of await readMapping(root, mapping, { ...kind, ignored }, signal)) found.set(file.entry.path, file);
  }
  for (const [path, text] of Object.entries(generated)) {
    const bytes = Buffer.from(text);
    const at = imagePath(path, "generated");
    found.set(at, {
      entry: { kind: "file", path: at, executable: false, size: bytes.length, content: { kind: "bytes", bytes } },
      top: posix.dirname(at),
      origin: "",
      where: "generated",
    });
  }

  if (kind.layer) {
    checkNames(found, kind);
    checkFolders(found);
  }
  checkLinks(found, kind);
  const folders = foldersOf(found).map((path) => ({ kind: "directory", path }) as const);
  const hashed = await inBatches([...found.values()], signal, withHash);
  return {
    entries: [...folders, ...hashed.map(({ entry }) => entry)],
    files: Object.fromEntries(hashed.map(({ entry, content }) => [entry.path, content])),
    secretFiles: hashed.flatMap(({ secret }) => secret ?? []).sort((a, b) => (a.path < b.path ? -1 : 1)),
    size: hashed.reduce((sum, { entry }) => sum + (entry.kind === "file" ? entry.size : 0), 0),
  };
}

/** Copies what {@link readSources} reads into another folder, each file at its place in the checkout. */
export async function copySources(
  { root, files }: Pick<SourceRequest, "root" | "files">,
  to: string,
  signal: AbortSignal,
  kind: SourceKind = imageSources,
): Promise<void> {
  const ignored = kind.dockerignore ? await ignoredIn(root) : parseDockerignore("");
  const realRoot = await realpath(root);
  for (const mapping of files) {
    const found = await readMapping(root, mapping, { ...kind, ignored }, signal);
    await inBatches(found, signal, async ({ entry, origin }) => {
      const target = join(to, relative(realRoot, origin));
      await mkdir(dirname(target), { recursive: true });
      await rm(target, { force: true }); // two mappings may hold one file
      if (entry.kind === "symlink") await symlink(entry.target, target);
      else await copyFile(origin, target);
    });
  }
}

async function ignoredIn(root: string): Promise<Ignored> {
  return parseDockerignore(await readFile(join(root, ".dockerignore"), "utf8").catch(nothingWhenMissing));
}

/** Something to copy, and the folder of the image from which on folders are ours. */
interface Found {
  /** As people know it: in the checkout, or `generated`. */
  readonly where: Place | string;
  readonly entry: Exclude<TreeEntry, { readonly kind: "directory" }>;
  readonly top: string;
  /** Where it is on this machine; empty for what is generated. */
  readonly origin: string;
}

async function readMapping(
  root: string,
  { from, to, place }: FileMapping,
  { ignored, dockerignore, leavesOut, leaveOut }: SourceKind & { readonly ignored: Ignored },
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const where = place ?? `files, from: ${from}`;
  const target = imagePath(to, where);
  const realRoot = await realpath(root);
  const start = await realpath(join(root, from)).catch(() => {
    throw new UserError({
      what: `There is no ${from} in the checkout.`,
      where,
      fix: "Check the path, which starts at the root of the checkout, and that an earlier step has made it.",
    });
  });
  const inRoot = relative(realRoot, start);
  if (inRoot === ".." || inRoot.startsWith(`..${sep}`)) {
    throw new UserError({
      what: `${from} lies outside the checkout.`,
      where,
      fix: "Name a path inside the checkout; copy what lies elsewhere into it in an earlier step.",
    });
  }

  const nothing = new UserError({
    what: `There is nothing to copy in ${from}.`,
    where,
    fix: dockerignore
      ? "Check the path, and whether .dockerignore leaves it out, or everything in it."
      : "Check the path, and that files are in it.",
  });

  const status = await lstat(start);
  if (!status.isDirectory()) {
    if (ignored.ignores(inRoot)) throw nothing;
    const path = to.endsWith("/") ? posix.join(target, posix.basename(inRoot)) : target;
    return [await readEntry(start, { path, top: posix.dirname(path), start, where, leaveOut })];
  }
  const inside: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for (const item of await readdir(join(start, folder), { withFileTypes: true })) {
      const path = posix.join(folder, item.name);
      if (neverCopied.test(item.name) || leavesOut?.test(path) === true) continue;
      // What no UTF-8 text can name, Node reads as U+FFFD: it could not be found again, nor written into a layer.
      if (item.name.includes("\uFFFD")) {
        throw new UserError({
          what: `${posix.join(from, path)} has a name that is not UTF-8.`,
          where,
          fix: "Rename it.",
        });
      }
      const isIgnored = ignored.ignores(posix.join(inRoot, path));
      if (!item.isDirectory()) {
        if (!isIgnored) inside.push(path);
      } else if (!isIgnored || !ignored.wholeFolders) await walk(path);
    }
  };
  await walk("");
  if (inside.length === 0) throw nothing;
  return inBatches(inside, signal, (path) =>
    readEntry(join(start, path), { path: posix.join(target, path), top: target, start, where, leaveOut }),
  );
}

/** Many files at once, and not all of them: in between, whoever waits gets his turn, and a job that was cancelled ends. */
async function inBatches<T, R>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += 64) {
    await turn();
    signal.throwIfAborted();
    results.push(...(await Promise.all(items.slice(at, at + 64).map(work))));
  }
  return results;
}

const neverCopied = /^(\.git|__pycache__)$|\.py[co]$/;

async function readEntry(
  file: string,
  {
    path,
    top,
    start,
    where,
    leaveOut,
  }: Pick<Found, "top" | "where"> & Pick<SourceKind, "leaveOut"> & { readonly path: string; readonly start: string },
): Promise<Found> {
  const status = lstatSync(file); // as chunksOf reads: by this thread
  if (status.isSymbolicLink()) {
    return { entry: { kind: "symlink", path, target: await readlink(file) }, top, origin: file, where };
  }
  if (!status.isFile()) {
    throw new UserError({
      what: `${relative(start, file)} is neither a file nor a folder nor a link.`,
      where,
      fix: `Only files, folders and links can be packed: ${leaveOut}.`,
    });
  }
  const content = { kind: "disk", file, sha256: null } as const;
  return {
    entry: { kind: "file", path, executable: (status.mode & 0o111) !== 0, size: status.size, content },
    top,
    origin: file,
    where,
  };
}

/**
 * Names that mean something else in a layer: a whiteout hides a file of the base, an opaque one a whole folder.
 * Source: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
 */
function checkNames(found: ReadonlyMap<string, Found>, { leaveOut }: SourceKind): void {
  for (const [path, { where }] of found) {
    if (!path.split("/").some((name) => name.startsWith(".wh."))) continue;
    throw new UserError({
      what: `/${path} has a name that hides files of the base image: ".wh." marks what a layer takes away.`,
      where,
      fix: `Give it another name, or ${leaveOut}.`,
    });
  }
}

/**
 * Folders that are links in most bases. A layer that has one of them as a folder hides the link, and with it programs and loader: engines
 * unpack each layer by itself.
 * @see https://systemd.io/THE_CASE_FOR_THE_USR_MERGE/
 */
const linksOfBases: ReadonlyMap<string, string> = new Map([
  ["bin", "usr/bin"],
  ["sbin", "usr/sbin"],
  ["lib", "usr/lib"],
  ["lib32", "usr/lib32"],
  ["lib64", "usr/lib64"],
  ["libx32", "usr/libx32"],
  ["var/run", "run"],
  ["var/lock", "run/lock"],
]);

function checkFolders(found: ReadonlyMap<string, Found>): void {
  for (const [path, { where }] of found) {
    for (const [link, target] of linksOfBases) {
      if (!path.startsWith(`${link}/`)) continue;
      throw new UserError({
        what: `/${path} lies in /${link}, which is a link to /${target} in most base images: a layer with a folder of that name takes away all that is behind it.`,
        where,
        fix: `Put it to /${target}${path.slice(link.length)}, or to a folder of its own.`,
      });
    }
  }
}

/** A link is copied as it is: what it leads to must be in the image at that place, and nothing tells what the base holds. */
function checkLinks(found: ReadonlyMap<string, Found>, { leaveOut }: SourceKind): void {
  const folders = new Set<string>();
  for (const path of found.keys()) {
    for (let folder = posix.dirname(path); folder !== "."; folder = posix.dirname(folder)) folders.add(folder);
  }
  for (const [path, { entry, where }] of found) {
    if (entry.kind !== "symlink") continue;
    const end = linkEnd(found, path);
    if (end !== null && (found.has(end) || folders.has(end))) continue;
    throw new UserError({
      what: `/${path} is a link to ${entry.target}, which is not copied with it.`,
      where,
      fix: `Copy the file itself, or ${leaveOut}.`,
    });
  }
}

/** Where a path leads in the image, over all links. Null when it leaves the image, or goes round in circles. */
function linkEnd(found: ReadonlyMap<string, Found>, path: string): string | null {
  const left = path.split("/");
  let at = "";
  for (let links = 0; left.length > 0; ) {
    const name = left.shift() ?? "";
    if (name === "" || name === ".") continue;
    if (name === "..") {
      if (at === "") return null;
      at = at.includes("/") ? posix.dirname(at) : "";
      continue;
    }
    const next = at === "" ? name : `${at}/${name}`;
    const entry = found.get(next)?.entry;
    if (entry?.kind !== "symlink") {
      at = next;
      continue;
    }
    links += 1;
    if (posix.isAbsolute(entry.target) || links > mostLinks) return null;
    left.unshift(...entry.target.split("/"));
  }
  return at;
}

/** Bytes of a file: a key is smaller, and what is larger is no key. */
const lookedAt = 64 * 1024;

/** As Linux follows them at most: path_resolution(7). */
const mostLinks = 40;

interface Hashed {
  readonly entry: TreeEntry;
  readonly content: string;
  readonly secret: SecretFile | null;
}

async function withHash({ entry, where }: Found): Promise<Hashed> {
  const { path } = entry;
  if (entry.kind === "symlink") return { entry, content: `link ${entry.target}`, secret: null };
  const mode = entry.executable ? "0755" : "0644";
  if (entry.content.kind === "bytes") {
    const sha256 = hash("sha256", entry.content.bytes, "hex");
    return { entry, content: `${mode} ${sha256}`, secret: null }; // generated: by us
  }
  const { file } = entry.content;
  let why = secretByName(path);
  let sha256: string;
  if (entry.size <= readAtOnce) {
    const bytes = readFileSync(file);
    why ??= secretByContent(bytes.subarray(0, lookedAt));
    sha256 = hash("sha256", bytes, "hex"); // a third of what an object for each file takes
  } else {
    const whole = createHash("sha256");
    let read = 0;
    for await (const chunk of chunksOf(file, entry.size)) {
      if (read === 0) why ??= secretByContent(chunk.subarray(0, lookedAt));
      read += chunk.length;
      whole.update(chunk);
    }
    sha256 = whole.digest("hex");
  }
  const secret = why === null ? null : { path, why, where };
  return { entry: { ...entry, content: { ...entry.content, sha256 } }, content: `${mode} ${sha256}`, secret };
}

/** Every folder between a file and the folder it was copied into, without that one. */
function foldersOf(found: ReadonlyMap<string, Found>): readonly string[] {
  const folders = new Set<string>();
  for (const { entry, top } of found.values()) {
    for (let folder = posix.dirname(entry.path); folder !== "."; folder = posix.dirname(folder)) {
      if (found.has(folder)) {
        throw new UserError({
          what: `/${folder} would be a file and a folder at once.`,
          where: "files",
          fix: "Give the two that meet there different places in the image.",
        });
      }
      if (folder.length > top.length) folders.add(folder);
    }
  }
  return [...folders];
}

function imagePath(path: string, where: Place | string): string {
  const normal = posix.normalize(path).replace(/\/+$/, "");
  if (path.startsWith("/") && !path.split("/").includes("..")) return normal.slice(1);
  throw new UserError({
    what: `${JSON.stringify(path)} is no path in an image.`,
    where,
    fix: "Write the path from the root of the image on, without ..: /app/…",
  });
}

function nothingWhenMissing(error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT") return "";
  throw error;
}
