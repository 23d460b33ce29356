import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { MachinePython } from "../../backing/machine-python.ts";

/**
 * The machine's Python as tasks get it: interpreter and standard library, none of the packages that are installed
 * beside.
 */
export interface LentPython {
  /** For PATH: holds `python`, `python3` and `python3.11`. */
  readonly folder: string;
  readonly minor: string;
}

/**
 * Makes an empty virtual environment (https://docs.python.org/3/library/venv.html) by hand: Python that is started
 * through it takes its standard library from where the machine has it, and its own packages from here, where there
 * are none.
 */
export async function lendPython(python: MachinePython, folder: string): Promise<LentPython> {
  const programs = join(folder, "bin");
  await mkdir(programs, { recursive: true });
  const settings = [
    `home = ${dirname(python.executable)}`,
    "include-system-site-packages = false",
    `version = ${python.version}`,
  ];
  await writeFile(join(folder, "pyvenv.cfg"), settings.map((line) => `${line}\n`).join(""));
  for (const name of ["python", "python3", `python${python.minor}`]) {
    await symlink(python.executable, join(programs, name));
  }
  return { folder: programs, minor: python.minor };
}
