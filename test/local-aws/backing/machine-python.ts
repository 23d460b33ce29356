import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** The Python of this machine: runs ministack, and is lent to tasks. */
export interface MachinePython {
  /** The interpreter itself, behind version managers, links and virtual environments. */
  readonly executable: string;
  /** `3.11.7` */
  readonly version: string;
  /** `3.11` */
  readonly minor: string;
}

const run = promisify(execFile);

/**
 * Asks `python3` of PATH who it really is.
 * @throws Error when there is none, or it is older than 3.10.
 */
export async function machinePython(): Promise<MachinePython> {
  const question = [
    "import json, os, platform, sys",
    "base = getattr(sys, '_base_executable', sys.executable)",
    "print(json.dumps([os.path.realpath(base), platform.python_version(), '%d.%d' % sys.version_info[:2]]))",
  ].join("\n");
  const { stdout } = await run("python3", ["-c", question]).catch((error: unknown) => {
    throw new Error(`the bed needs Python 3.10 or newer as python3: ${String(error)}`);
  });
  const [executable = "", version = "", minor = ""] = JSON.parse(stdout) as readonly string[];
  if (Number(minor.split(".")[1]) < 10) throw new Error(`the bed needs Python 3.10 or newer; python3 is ${version}`);
  return { executable, version, minor };
}
