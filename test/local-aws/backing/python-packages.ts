import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { cacheFolder } from "../../cache-folder.ts";
import type { MachinePython } from "./machine-python.ts";

const run = promisify(execFile);

/**
 * Installs what a lock file names, once for each content of the file and version of Python, and keeps it in the cache
 * folder. Safe when several processes do it at once: each installs into a folder of its own, and the first to finish
 * wins.
 * @param lockFile requirements with hashes, as `uv pip compile --universal --generate-hashes` writes them.
 * @param compile write byte code as well: for packages that are run from where they are installed.
 * @returns a folder to put into PYTHONPATH; its `bin` holds console scripts.
 * @throws Error with pip's words.
 */
export async function installedPackages(
  python: MachinePython,
  lockFile: string,
  { compile }: { readonly compile: boolean },
): Promise<string> {
  const key = createHash("sha256")
    .update(JSON.stringify([await readFile(lockFile, "utf8"), python.version, process.arch, compile]))
    .digest("hex")
    .slice(0, 16);
  const folder = cacheFolder("python-packages", `${basename(lockFile, ".txt")}-${python.minor}-${key}`);
  if (existsSync(folder)) return folder;
  await mkdir(cacheFolder("python-packages"), { recursive: true });
  const own = await mkdtemp(`${folder}.`);
  try {
    const options = ["--quiet", "--disable-pip-version-check", "--root-user-action=ignore"];
    const source = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--requirement", lockFile];
    const target = ["--target", join(own, "packages"), ...(compile ? [] : ["--no-compile"])];
    await run(python.executable, ["-m", "pip", "install", ...options, ...target, ...source], { maxBuffer: 16_000_000 });
    await rename(join(own, "packages"), folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(own, { recursive: true, force: true });
  }
  return folder;
}
