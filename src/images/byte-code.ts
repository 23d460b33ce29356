import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { ask, ProgramFailed, run } from "../programs/index.ts";
import { packagesFolder } from "./packages.ts";

/**
 * Compiles installed packages, so that no start of a container has to: each begins with a fresh disk, and importing Dagster from source
 * takes two seconds of CPU more. The byte code is marked as never to be checked against its source: nothing in a layer changes, and
 * all files have one time.
 *
 * Byte code is of one minor version of Python: without an interpreter of that version there is none. Up to Python 3.10 a set of
 * constants is written in the order of its hashes, which are others in every process unless they are told.
 *
 * @param python of the image: `3.12`, with or without its patch
 * @returns null when it is done; else why not, as a sentence
 * @see https://peps.python.org/pep-0552/
 */
export async function compilePackages(context: Context, folder: string, python: string): Promise<string | null> {
  await withoutByteCode(folder);
  const interpreter = await findInterpreter(python, folder);
  if (interpreter === null)
    return `No python${minorOf(python)} is on the PATH of this job, and only that one writes byte code for the image.`;
  try {
    await run(context, {
      command: interpreter,
      args: [
        "-s",
        "-c",
        compileall,
        "-qq",
        "-j",
        String(workersOf(python)),
        "--invalidation-mode",
        "unchecked-hash",
        "-s",
        folder,
        "-p",
        packagesFolder,
        folder,
      ],
      environment: { PYTHONHASHSEED: "0" },
      output: "capture",
      variables: "own",
    });
  } catch (error) {
    // Some packages carry files that are no Python of this version: templates, tests of a parser. They stay as they are.
    if (!(error instanceof ProgramFailed) || error.exitCode !== 1) throw error;
  }
  return null;
}

/** As `python3 -m compileall`, but for modules of the folder that it is started in. `-I` would take no seed of hashes. */
const compileall =
  "import sys; sys.path[:] = [path for path in sys.path if path]; import runpy; runpy.run_module('compileall', run_name='__main__', alter_sys=True)";

/**
 * Until 3.10 what a process writes of a module hangs on what it has compiled before, which many share by chance: one of them does it in
 * turn. 0: as many as there are processors.
 */
function workersOf(python: string): number {
  return Number(minorOf(python).split(".")[1]) <= 10 ? 1 : 0;
}

/** What a wheel has brought: its times are those of another machine. */
async function withoutByteCode(folder: string): Promise<void> {
  for (const item of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (item.isDirectory() && item.name === "__pycache__")
      await rm(join(item.parentPath, item.name), { recursive: true, force: true });
  }
}

/** `3.12` of `3.12.4` */
export function minorOf(python: string): string {
  return python.split(".").slice(0, 2).join(".");
}

/**
 * The interpreter that writes byte code for a Python; null: this job has none.
 * @param python `3.12`, with or without its patch
 */
export async function findInterpreter(python: string, folder: string): Promise<string | null> {
  const minor = minorOf(python);
  for (const command of [`python${minor}`, "python3"]) {
    try {
      const question = "import sys; print('%d.%d' % sys.version_info[:2], sys.implementation.name, sys.executable)";
      const { exitCode, output } = await ask(command, ["-I", "-S", "-c", question], folder);
      const [version, name, executable] = output.trim().split(" ");
      if (exitCode === 0 && version === minor && name === "cpython" && executable !== undefined) return executable;
    } catch (error) {
      if (!(error instanceof UserError)) throw error; // there is no program of that name
    }
  }
  return null;
}
