import { UserError } from "../domain/errors.ts";
import type { Platform } from "../domain/identifiers.ts";
import { ask } from "./ask.ts";

/** The Python of the machine that this runs on. */
export interface Python {
  /** Path of the interpreter itself, whatever stands before it on the PATH. */
  readonly executable: string;
  /** `3.12.4` */
  readonly version: string;
  readonly platform: Platform;
}

/**
 * Asks `python3` of the PATH who it is. Nothing but its standard library is loaded.
 * @param folder where it is started
 * @throws UserError when there is none, or it is not one for which packages are known
 */
export async function findPython(folder: string): Promise<Python> {
  const { exitCode, output, errors } = await ask("python3", ["-I", "-S", "-c", question], folder);
  const [executable = "", written = "", platform = ""] = output.trim().split("\n");
  const version = /^3\.\d+\.\d+/.exec(written)?.[0];
  if (exitCode !== 0 || version === undefined || !isPlatform(platform)) {
    throw new UserError({
      what: `The python3 of this job is not one of Linux on x86-64 or arm64: ${(errors.trim() || output.trim().replaceAll("\n", ", ")).slice(0, 200)}.`,
      where: "the PATH of this job",
      fix: "Put actions/setup-python before this step, on a Linux runner.",
    });
  }
  return { executable, version, platform };
}

const question = [
  "import platform, sys",
  "machine = {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(platform.machine(), platform.machine())",
  "print(sys.executable, platform.python_version(), sys.platform + '/' + machine, sep='\\n')",
].join("\n");

function isPlatform(text: string): text is Platform {
  return text === "linux/amd64" || text === "linux/arm64";
}
