import { posix } from "node:path";
import type { Platform } from "../domain/identifiers.ts";

/** What of a base's files decides whether packages work on it. */
export interface BaseFiles {
  /** Files with `.so` in their name, and interpreters of Python. */
  readonly files: readonly string[];
  /** Links of the upper folders, and of libraries: where they lead, by their path. */
  readonly links: Readonly<Record<string, string>>;
  /** Files that tell the loader where to look: their text, by path. */
  readonly loaderFiles: Readonly<Record<string, string>>;
  /** The newest version of glibc that its libc says it is; null without glibc. */
  readonly glibc: string | null;
}

/** The system that packages find in a base. */
export interface BaseSystem {
  /** Null: neither of the two is there, so that nothing is known of it. */
  readonly libc: { readonly kind: "glibc"; readonly version: string } | { readonly kind: "musl" } | null;
  /** Versions of Python with a program of their own: `3.12`. */
  readonly pythons: readonly string[];
  /** File names that the loader finds. */
  readonly libraries: ReadonlySet<string>;
}

/** Is it needed to know a base's system? */
export function isTelling(path: string): boolean {
  return /\.so(\.|$)/.test(posix.basename(path)) || isPython(path) || isLoaderFile(path);
}

/** Is its text needed? */
export function isLoaderFile(path: string): boolean {
  return /^etc\/(ld\.so\.conf$|ld\.so\.conf\.d\/|ld-musl-[^/]+\.path$)/.test(path);
}

/**
 * What the loader of an image finds.
 * @param libraryPath LD_LIBRARY_PATH of its containers
 * @see https://man7.org/linux/man-pages/man8/ld.so.8.html
 * @see https://git.musl-libc.org/cgit/musl/tree/ldso/dynlink.c
 */
export function systemOf(base: BaseFiles, platform: Platform, libraryPath: string): BaseSystem {
  const { files, links, loaderFiles, glibc } = base;
  const resolve = resolver(links);
  const here = new Set(files.map((file) => resolve(file)));
  const isMusl = files.some((file) => /(^|\/)ld-musl-[^/]+\.so\.1$/.test(file)) && glibc === null;
  const folders = [
    ...libraryPath.split(":").filter((folder) => folder.startsWith("/")),
    ...(isMusl ? muslFolders(loaderFiles) : glibcFolders(loaderFiles, platform)),
  ].map((folder) => resolve(folder.replace(/^\/+/, "").replace(/\/+$/, "")));
  const searched = new Set(folders);
  const names = [...files, ...Object.keys(links)].filter((path) => searched.has(resolve(posix.dirname(path))));
  return {
    libc: glibc !== null ? { kind: "glibc", version: glibc } : isMusl ? { kind: "musl" } : null,
    pythons: [
      ...new Set(files.flatMap((file) => (isPython(file) ? [/python(3\.\d+)$/.exec(file)?.[1] ?? ""] : []))),
    ].sort(),
    libraries: new Set(names.filter((path) => here.has(resolve(path))).map((path) => posix.basename(path))),
  };
}

function isPython(path: string): boolean {
  return /^(usr\/local|usr|opt\/[^/]+)?\/?bin\/python3\.\d+$/.test(path);
}

const mostLinks = 40;

/** Where a path leads over links of files and folders. */
function resolver(links: BaseFiles["links"]): (path: string) => string {
  return (path) => {
    const left = path.split("/");
    let at = "";
    for (let followed = 0; left.length > 0; ) {
      const name = left.shift() ?? "";
      if (name === "" || name === ".") continue;
      if (name === "..") {
        at = at.includes("/") ? posix.dirname(at) : "";
        continue;
      }
      const next = at === "" ? name : `${at}/${name}`;
      const target = Object.hasOwn(links, next) ? links[next] : undefined;
      followed += target === undefined ? 0 : 1;
      if (target === undefined || followed > mostLinks) {
        at = next;
        continue;
      }
      if (target.startsWith("/")) at = "";
      left.unshift(...target.split("/"));
    }
    return at;
  };
}

function glibcFolders(loaderFiles: BaseFiles["loaderFiles"], platform: Platform): readonly string[] {
  const triplet = platform === "linux/arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  // Debian's loader knows its own folders without being told.
  const own = ["lib", "usr/lib", "lib64", "usr/lib64", `lib/${triplet}`, `usr/lib/${triplet}`];
  return [...foldersIn("etc/ld.so.conf", loaderFiles, new Set()), ...own];
}

/** Folders of ld.so.conf and of the files that it includes. */
function foldersIn(file: string, files: BaseFiles["loaderFiles"], seen: Set<string>): readonly string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  return (files[file] ?? "").split(/\r?\n/).flatMap((line) => {
    const text = line.replace(/#.*/, "").trim();
    const [, included] = /^include\s+(\S+)/.exec(text) ?? [];
    if (included === undefined) return text.startsWith("/") ? [text] : [];
    const path = included.startsWith("/") ? included.slice(1) : posix.join(posix.dirname(file), included);
    const pattern = new RegExp(
      `^${path
        .split("*")
        .map((part) => RegExp.escape(part))
        .join("[^/]*")}$`,
    );
    return Object.keys(files)
      .filter((name) => pattern.test(name))
      .flatMap((name) => foldersIn(name, files, seen));
  });
}

function muslFolders(loaderFiles: BaseFiles["loaderFiles"]): readonly string[] {
  const own = Object.entries(loaderFiles).find(([path]) => path.startsWith("etc/ld-musl-"))?.[1];
  return own === undefined
    ? ["lib", "usr/local/lib", "usr/lib"]
    : own.split(/[\n:]+/).filter((folder) => folder !== "");
}
