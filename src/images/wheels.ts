import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Context } from "../domain/context.ts";
import { type Advice, type Place, UserError } from "../domain/errors.ts";
import type { Platform } from "../domain/identifiers.ts";
import { ProgramFailed, run } from "../programs/index.ts";
import { type Lock, normalizedName, type Requirement } from "./lock.ts";
import { isWanted, MarkerError, type Target } from "./markers.ts";

export interface WheelsRequest {
  /** What the image is called in the log: several may be made at once, and each has a pip of its own. */
  readonly image: string;
  readonly lock: Lock;
  /** Path of the lock file in the checkout. */
  readonly file: string;
  readonly root: string;
  readonly target: Target;
  /** An empty folder of the caller's: he removes it. */
  readonly folder: string;
}

/**
 * Installs what a lock file names into a folder, for a machine that need not be this one: wheels only, each checked against its
 * hashes, no code of a package is run.
 *
 * @returns the folder; null when the lock file asks for nothing on that target.
 * @throws UserError for a package without a wheel, with another hash, or a pip that cannot do it.
 */
export async function installWheels(
  context: Context,
  { image, lock, file, root, target, folder }: WheelsRequest,
): Promise<string | null> {
  const requirements = lock.requirements.filter((requirement) => wants(requirement, file, target));
  if (requirements.length === 0) return null;
  const packages = join(folder, "packages");
  const list = join(folder, "requirements.txt");
  await mkdir(packages);
  await writeFile(list, [...lock.sources, ...requirements.map(({ text }) => text), ""].join("\n"));
  context.report({
    kind: "line",
    text: `${image}: installing ${requirements.length} packages for ${target.platform} and Python ${target.python}`,
  });
  const ofThisImage: Context = {
    ...context,
    report: (said) => context.report(said.kind === "foreign" ? { ...said, from: `${image}: pip` } : said),
  };
  try {
    await run(ofThisImage, {
      command: "python3",
      args: ["-c", pip, "install", "--target", packages, "--requirement", list, ...options, ...targetOptions(target)],
      cwd: dirname(join(root, file)), // from where relative paths in the lock file count
      environment: settings,
      output: "report",
    });
  } catch (error) {
    if (!(error instanceof ProgramFailed)) throw error;
    throw new UserError(explain(error, requirements, { file, target }), { cause: error });
  }
  return packages;
}

/**
 * pip as `python3 -m pip` starts it, but for the folder that it is started in: that is somebody's checkout, and a `pip.py` in it, or a
 * module of any name that pip imports, would be run with all that this job may do. Python has an option for that from 3.11 on only.
 */
const pip =
  "import sys; sys.path[:] = [path for path in sys.path if path]; import runpy; runpy.run_module('pip', run_name='__main__', alter_sys=True)";

/** Exactly what is locked, wheels only, no byte code. */
const options = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile", "--progress-bar=off"];

/** As variables, since a pip that does not know one of them lets it be. */
const settings = {
  PIP_USER: "0", // cannot be together with --target
  PIP_ROOT_USER_ACTION: "ignore",
  PIP_DISABLE_PIP_VERSION_CHECK: "1",
  PIP_NO_INPUT: "1",
};

function targetOptions({ platform, python }: Target): readonly string[] {
  const [major, minor] = python.split(".");
  const interpreter = ["--implementation", "cp", "--python-version", python, "--abi", `cp${major}${minor}`];
  return [...interpreter, ...platformTags(platform).flatMap((tag) => ["--platform", tag])];
}

/**
 * The platforms of wheels that run on glibc 2.34 and newer: Debian 12, Ubuntu 22.04, Amazon Linux 2023. pip prefers the first that a
 * wheel has, so the oldest come first: such a wheel runs on the most bases.
 * @see https://peps.python.org/pep-0600/
 */
function platformTags(platform: Platform): readonly string[] {
  const [machine, oldest] = platform === "linux/arm64" ? ["aarch64", 17] : ["x86_64", 5];
  const legacyNames = new Map([
    [5, "manylinux1"],
    [12, "manylinux2010"],
    [17, "manylinux2014"],
  ]);
  const tags: string[] = [];
  for (let glibc = oldest; glibc <= newestGlibc; glibc += 1) {
    const legacy = legacyNames.get(glibc);
    tags.push(...(legacy === undefined ? [] : [`${legacy}_${machine}`]), `manylinux_2_${glibc}_${machine}`);
  }
  return tags;
}

const newestGlibc = 34;

function wants({ marker, name, line }: Requirement, file: string, target: Target): boolean {
  try {
    return marker === null || isWanted(marker, target);
  } catch (cause) {
    if (!(cause instanceof MarkerError)) throw cause;
    throw new UserError(
      {
        what: `The marker of ${name} cannot be read: ${cause.message}.`,
        where: { file, line, column: 1 },
        fix: "Write it as Python's specification of dependency specifiers has it, or compile the lock file anew.",
      },
      { cause },
    );
  }
}

function explain(
  error: ProgramFailed,
  requirements: readonly Requirement[],
  { file, target }: Pick<WheelsRequest, "file" | "target">,
): Advice {
  const said = error.errors.untrusted;
  const named = (pattern: RegExp): Requirement | undefined => {
    const name = normalizedName(pattern.exec(said)?.[1] ?? "");
    return requirements.find((requirement) => normalizedName(requirement.name) === name);
  };
  const place = (requirement: Requirement | undefined): Place | string =>
    requirement === undefined ? file : { file, line: requirement.line, column: 1 };

  if (/No module named pip/.test(said)) {
    return {
      what: "The python3 of this job has no pip.",
      where: "python3 -m pip",
      fix: "Put actions/setup-python before this step, or install pip for python3.",
    };
  }
  if (/Could not fetch URL|Retrying \(Retry\(/.test(said)) {
    return {
      what: "pip cannot reach the package index.",
      where: file,
      fix: "Check the index that is configured (PIP_INDEX_URL, pip.conf, or the lock file), its certificate and its credentials. pip's own words are in the log above.",
    };
  }
  if (said.includes("DO NOT MATCH THE HASHES")) {
    const changed = named(/DO NOT MATCH THE HASHES[^]*?\n\s+([\w.-]+)(?:\[[^\]]*\])?(?:==\S+)?(?: @ \S+)? from /);
    return {
      what: `${changed?.name ?? "A package"} is not what the lock file says: the index has a file with another hash.`,
      where: place(changed),
      fix: "Either the package was changed, or the lock file was made from another index. Find out which before you compile it anew.",
    };
  }
  const missing = named(/No matching distribution found for ([\w.-]+)/);
  if (missing !== undefined) {
    return {
      what: `${missing.name} ${missing.version ?? ""} has no wheel for ${target.platform} and Python ${target.python}.`,
      where: place(missing),
      fix: "Lock a version that has one; or build the wheel and put it into an index of your own; or build this image from a Dockerfile (build:).",
    };
  }
  return {
    what: `pip could not install the requirements: ${error.message}.`,
    where: file,
    fix: "Its own words are in the log above.",
  };
}
