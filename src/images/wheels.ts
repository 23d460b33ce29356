import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Context } from "../domain/context.ts";
import { type Advice, type Place, UserError } from "../domain/errors.ts";
import type { Platform } from "../domain/identifiers.ts";
import { ProgramFailed } from "../programs/index.ts";
import type { BaseSystem } from "./base-files.ts";
import { buildWheel } from "./build-wheel.ts";
import { exportLock } from "./export-lock.ts";
import { type Lock, normalizedName, type Requirement } from "./lock.ts";
import { isWanted, MarkerError, type Target } from "./markers.ts";
import { runPip, withoutPip } from "./pip.ts";
import { diskFull } from "./scratch.ts";

export interface WheelsRequest {
  /** What the image is called in the log: several may be made at once, and each has a pip of its own. */
  readonly image: string;
  readonly lock: Lock;
  /** Path of the lock file in the checkout. */
  readonly file: string;
  readonly root: string;
  readonly target: Target;
  /** Of the image that it is for; null when nothing is known of it. */
  readonly libc: BaseSystem["libc"];
  /** An empty folder of the caller's: he removes it. */
  readonly folder: string;
  /** false: what is no wheel is refused, since building it runs what its source says; it is built, unless told. */
  readonly builds?: boolean;
}

/**
 * Installs what a lock file names into a folder, for a machine that need not be this one: wheels, each checked against its hashes. What
 * has none, and what lies in the checkout as its source, is built first; what is built must run anywhere.
 *
 * @returns the folder; null when the lock file asks for nothing on that target.
 * @throws UserError for a package without a wheel that needs a compiler, with another hash, or a pip that cannot do it.
 */
export async function installWheels(context: Context, request: WheelsRequest): Promise<string | null> {
  const { image, file, root, target, folder, builds = true } = request;
  const ofThisImage: Context = {
    ...context,
    report: (said) =>
      context.report(
        said.kind === "foreign" ? { ...said, from: `${image}: ${said.from === "python3" ? "pip" : said.from}` } : said,
      ),
  };
  const lock = await exportLock(ofThisImage, request.lock, { file, root });
  const cwd = dirname(join(root, file)); // from where relative paths in the lock file count
  const wanted = lock.requirements.filter((requirement) => wants(requirement, file, target));
  if (wanted.length === 0) return null;
  const source = builds ? undefined : wanted.find(isSource);
  if (source !== undefined) throw new UserError(notBuilt(source, file));
  context.report({
    kind: "line",
    text: `${image}: installing ${wanted.length} packages for ${target.platform} and Python ${target.python}`,
  });
  const build = (requirement: Requirement): Promise<Requirement> =>
    buildWheel(ofThisImage, {
      requirement,
      lock,
      root,
      cwd,
      folder: join(folder, "builds", normalizedName(requirement.name)),
      target: `${target.platform} and Python ${target.python}`,
      place: { file, line: requirement.line, column: 1 },
    });
  let requirements: readonly Requirement[] = await inTurn(wanted, (one) => (one.local === null ? one : build(one)));
  const built = new Set<string>();
  for (;;) {
    const attempt = await tryInstall(ofThisImage, { ...request, lock: { ...lock, requirements } }, cwd);
    if (attempt.kind === "installed") return attempt.folder;
    const name = attempt.withoutWheel;
    if (name === null || built.has(name) || !builds) throw attempt.failure;
    built.add(name);
    requirements = await inTurn(requirements, (one) => (normalizedName(one.name) === name ? build(one) : one));
  }
}

/** Of the checkout, or of a URL that is no wheel's: pip would build it. */
function isSource({ local, version, text }: Requirement): boolean {
  return local !== null || (version === null && !/\.whl(?:[#?\s]|$)/.test(text));
}

function notBuilt({ name, line }: Requirement, file: string): Advice {
  return {
    what: `${name} is no wheel, and is not built here.`,
    where: { file, line, column: 1 },
    fix: "Put its wheel into an index, and lock that.",
  };
}

type Attempt =
  | { readonly kind: "installed"; readonly folder: string }
  /** `withoutWheel`: the package for which nothing but its source may be there. */
  | { readonly kind: "failed"; readonly withoutWheel: string | null; readonly failure: UserError };

async function tryInstall(
  context: Context,
  { lock, file, target, folder, libc }: WheelsRequest,
  cwd: string,
): Promise<Attempt> {
  const packages = join(folder, "packages");
  const list = join(folder, "requirements.txt");
  await rm(packages, { recursive: true, force: true });
  await mkdir(packages, { recursive: true });
  await writeFile(list, [...lock.sources, ...lock.requirements.map(({ text }) => text), ""].join("\n"));
  try {
    const what = ["install", "--target", packages, "--requirement", list];
    await runPip(context, [...what, ...options, ...targetOptions(target, libc)], { cwd });
    return { kind: "installed", folder: packages };
  } catch (error) {
    if (!(error instanceof ProgramFailed)) throw error;
    const failure = new UserError(explain(error, lock.requirements, { file, target }), { cause: error });
    return { kind: "failed", withoutWheel: withoutWheel(error, lock.requirements), failure };
  }
}

async function inTurn<T>(items: readonly T[], work: (item: T) => T | Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

/** Exactly what is locked, wheels only, no byte code. */
const options = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile", "--progress-bar=off"];

function targetOptions({ platform, python }: Target, libc: BaseSystem["libc"]): readonly string[] {
  const [major, minor] = python.split(".");
  const interpreter = ["--implementation", "cp", "--python-version", python, "--abi", `cp${major}${minor}`];
  return [...interpreter, ...platformTags(platform, libc).flatMap((tag) => ["--platform", tag])];
}

/**
 * The platforms of wheels that run on the base. pip prefers the first that a wheel has, so the oldest come first: such a wheel runs on
 * the most bases.
 * @param libc null: glibc 2.34, that of Debian 12, Ubuntu 22.04, Amazon Linux 2023
 * @see https://peps.python.org/pep-0600/
 * @see https://peps.python.org/pep-0656/
 */
function platformTags(platform: Platform, libc: BaseSystem["libc"]): readonly string[] {
  const [machine, oldest] = platform === "linux/arm64" ? ["aarch64", 17] : ["x86_64", 5];
  if (libc?.kind === "musl") return ["1_1", "1_2"].map((musl) => `musllinux_${musl}_${machine}`);
  const newestGlibc = libc === null ? usualGlibc : Number(libc.version.split(".")[1]);
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
  // What `pip wheel` makes, and nobody has looked at: what it needs of libraries is looked at here.
  return [...tags, `linux_${machine}`];
}

const usualGlibc = 34;

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

/** The package that pip found no wheel of. @returns null for any other failure */
function withoutWheel({ errors }: ProgramFailed, requirements: readonly Requirement[]): string | null {
  const name = normalizedName(/No matching distribution found for ([\w.-]+)/.exec(errors.untrusted)?.[1] ?? "");
  // Out of reach is not without a wheel, though pip says so as well.
  if (unreachable.test(errors.untrusted)) return null;
  return requirements.some((one) => normalizedName(one.name) === name) ? name : null;
}

const unreachable = /Could not fetch URL|Retrying \(Retry\(/;

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
    return withoutPip;
  }
  if (said.includes("No space left on device")) return { ...diskFull, where: file };
  if (unreachable.test(said)) {
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
