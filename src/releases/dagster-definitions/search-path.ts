import { join, posix } from "node:path";
import { packagesFolder } from "../../images/index.ts";

/** How the container of a code location is started, as far as that tells where Python looks. */
export interface StartedIn {
  /** PYTHONPATH as image or service write it; null: neither does. */
  readonly written: string | null;
  /** Of the image. */
  readonly imageWorkdir: string;
  /** Of the service; null: the image's. */
  readonly workdir: string | null;
  /** What Dagster is told with `-d`; null: nothing. */
  readonly pythonPath: string | null;
}

/** Where the same is on this machine. */
export interface FoundIn {
  /** Folder in which the process is started. */
  readonly cwd: string;
  /** Where Dagster looks for the module first. */
  readonly workingDirectory: string;
  /** In the order in which Python looks. */
  readonly searched: readonly string[];
}

/**
 * Where code is found as in its container: an image made of layers has its own folder and its packages in PYTHONPATH, unless another is
 * written, which wins.
 * @param tree folder in which the image's files are laid out
 * @param packages folder of its lock file's packages; null: it has none
 */
export function foundIn(
  { written, imageWorkdir, workdir, pythonPath }: StartedIn,
  tree: string,
  packages: string | null,
): FoundIn {
  const started = workdir ?? imageWorkdir;
  const here = (path: string): readonly string[] => {
    const whole = posix.resolve(started, path);
    const inside = posix.relative(packagesFolder, whole);
    if (inside === ".." || inside.startsWith("../")) return [join(tree, whole)];
    return packages === null ? [] : [join(packages, inside)];
  };
  const parts = written === null ? [imageWorkdir] : written.split(":").filter((part) => part !== "");
  const searched = [...parts.flatMap(here), ...(packages === null ? [] : [packages])];
  const cwd = join(tree, started);
  return {
    cwd,
    workingDirectory: join(tree, posix.resolve(started, pythonPath ?? ".")),
    searched: [...new Set(searched)],
  };
}
