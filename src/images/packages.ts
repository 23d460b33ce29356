import { lstat, readdir, readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import type { TreeEntry } from "../files/archive.ts";

/** Where an image has the packages of its lock file. */
export const packagesFolder = "/opt/dependencies";

/**
 * The members of a layer of installed packages. What pip writes of its own accord is written anew here, so that the layer hangs on
 * the wheels alone: neither on where pip ran, nor on its version, nor on this machine's Python.
 */
export async function readPackages(folder: string): Promise<readonly TreeEntry[]> {
  const entries: TreeEntry[] = [{ kind: "directory", path: inImage("") }];
  const scripts = await consoleScripts(folder);
  const walk = async (inside: string): Promise<void> => {
    const names = await readdir(join(folder, inside));
    const siblings = new Set(names.map((name) => posix.join(inside, name)));
    for (const name of names) {
      const path = posix.join(inside, name);
      if (isLeftOut(path, siblings) && !isByteCode(path)) continue;
      if (isOfInstaller(path) && !scripts.has(path)) continue;
      const file = join(folder, path);
      const status = await lstat(file);
      if (status.isDirectory()) {
        entries.push({ kind: "directory", path: inImage(path) });
        await walk(path);
        continue;
      }
      if (!status.isFile()) throw new Error(`${path}: a wheel holds files only`);
      const executable = path.startsWith("bin/") || (status.mode & 0o111) !== 0; // not every wheel marks its scripts
      const rewritten = await rewrite(path, file, scripts);
      entries.push(
        rewritten === null
          ? {
              kind: "file",
              path: inImage(path),
              executable,
              size: status.size,
              content: { kind: "disk", file, sha256: null },
            }
          : {
              kind: "file",
              path: inImage(path),
              executable,
              size: rewritten.length,
              content: { kind: "bytes", bytes: rewritten },
            },
      );
    }
  };
  await walk("");
  return entries;
}

/**
 * The commands that a package declares.
 * @param text its `entry_points.txt`.
 * @returns the script of each, by its name. Like pip's, it does nothing when it is imported: a child that Python's multiprocessing
 * spawns imports its parent's main script again, and each step of a Dagster run is such a child.
 * @see https://packaging.python.org/en/latest/specifications/entry-points/
 * @see https://docs.python.org/3/library/multiprocessing.html#the-spawn-and-forkserver-start-methods
 */
export function scriptsOf(text: string): ReadonlyMap<string, string> {
  const scripts = new Map<string, string>();
  let isScripts = false;
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[(.*)\]\s*$/.exec(line)?.[1];
    if (section !== undefined) isScripts = ["console_scripts", "gui_scripts"].includes(section.trim());
    const [, name, module, attribute] = /^\s*([^\s#;=][^=]*?)\s*=\s*([\w.]+)\s*:\s*([\w.]+)/.exec(line) ?? [];
    if (!isScripts || name === undefined || module === undefined || attribute === undefined) continue;
    const [imported] = attribute.split(".");
    const imports = `import sys\nfrom ${module} import ${imported}\n`;
    scripts.set(name, `${shebang}\n${imports}\nif __name__ == "__main__":\n    sys.exit(${attribute}())\n`);
  }
  return scripts;
}

/** A script with any Python of the machine it was installed on as its interpreter becomes one for the Python of its image. */
export function withPortableShebang(script: Buffer): Buffer {
  const head = script.subarray(0, 1024).toString("latin1");
  // A path that is too long for the kernel is written as a shell script that is Python as well.
  const [first] = /^#!\/bin\/sh\n'''exec' .*python.*\n' '''\n/.exec(head) ?? /^#!.*python.*\n/.exec(head) ?? [];
  return first === undefined ? script : Buffer.concat([Buffer.from(`${shebang}\n`), script.subarray(first.length)]);
}

/** The files that a package lists, by their paths in the folder of the packages. */
export function filesInRecord(text: string): readonly string[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const path = pathInRecord(line);
    return path === "" ? [] : [path];
  });
}

/**
 * The list of a package's files. Those that we write or leave out have no hash in it; paths start at the folder of the packages.
 * @see https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
 */
export function portableRecord(text: string, scripts: ReadonlyMap<string, string> = new Map()): string {
  const all = new Set(filesInRecord(text));
  const lines = text.split(/\r?\n/).flatMap((line) => {
    const path = pathInRecord(line);
    if (path === "" || isLeftOut(path, all) || (isOfInstaller(path) && !scripts.has(path))) return [];
    const written = /[",]/.test(path) ? `"${path.replaceAll('"', '""')}"` : path;
    const hash = path.startsWith("bin/")
      ? ",,"
      : line.slice(line.length - (/,[^,]*,[^,]*$/.exec(line)?.[0].length ?? 0));
    return [`${written}${hash}\n`];
  });
  return lines.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).join("");
}

function pathInRecord(line: string): string {
  const [, quoted, plain] = /^(?:"((?:[^"]|"")*)"|([^,]*)),/.exec(line) ?? [];
  return (quoted?.replaceAll('""', '"') ?? plain ?? "").replace(/^(\.\.\/)+/, "");
}

const shebang = "#!/usr/bin/env python3";

function inImage(path: string): string {
  return posix.join(packagesFolder.slice(1), path);
}

/** What was compiled here, of packages that were installed without: pip drops what a wheel may hold of it. */
function isByteCode(path: string): boolean {
  return /(^|\/)__pycache__(\/|$)/.test(path);
}

/** Byte code, and where a package was fetched from. A `.pyc` without its source is the module itself. @param files that are there */
function isLeftOut(path: string, files: ReadonlySet<string>): boolean {
  if (isByteCode(path) || path.endsWith(".dist-info/direct_url.json")) return true;
  return path.endsWith(".pyc") && files.has(path.slice(0, -1));
}

/** pip names a command of its own, and setuptools' of old, by the Python that it runs on itself: `pip3.11`. */
function isOfInstaller(path: string): boolean {
  return /^bin\/(?:pip|easy_install-?)\d[\d.]*$/.test(path);
}

async function consoleScripts(folder: string): Promise<ReadonlyMap<string, string>> {
  const scripts = new Map<string, string>();
  for (const name of (await readdir(folder)).sort()) {
    if (!name.endsWith(".dist-info")) continue;
    const text = await readFile(join(folder, name, "entry_points.txt"), "utf8").catch(() => "");
    for (const [script, content] of scriptsOf(text)) scripts.set(`bin/${script}`, content);
  }
  return scripts;
}

async function rewrite(path: string, file: string, scripts: ReadonlyMap<string, string>): Promise<Buffer | null> {
  const script = scripts.get(path);
  if (script !== undefined) return Buffer.from(script);
  if (path.startsWith("bin/")) {
    const installed = await readFile(file);
    const portable = withPortableShebang(installed);
    return portable === installed ? null : portable; // a program of many megabytes stays on disk
  }
  if (path.endsWith(".dist-info/RECORD")) return Buffer.from(portableRecord(await readFile(file, "utf8"), scripts));
  return null;
}
