import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parse } from "smol-toml";
import * as z from "zod";
import type { Context } from "../domain/context.ts";
import { type Advice, type Place, UserError } from "../domain/errors.ts";
import { ProgramFailed, variableOfJob } from "../programs/index.ts";
import { copyLocalPackage } from "./local-packages.ts";
import { type Lock, normalizedName, type Requirement } from "./lock.ts";
import { runPip } from "./pip.ts";

/** A package that has to be built of its source, as no index has it as a wheel. */
export interface BuildRequest {
  readonly requirement: Requirement;
  readonly lock: Lock;
  /** The checkout. */
  readonly root: string;
  /** Where relative paths in the lock file count from. */
  readonly cwd: string;
  /** An empty folder of the caller's. */
  readonly folder: string;
  /** What it would be installed for, in words: `linux/arm64 and Python 3.12`. */
  readonly target: string;
  /** The line of the lock file. */
  readonly place: Place;
}

/**
 * Builds a wheel that runs anywhere. What the source says is to be done is done on this machine, without the credentials that the job
 * has of AWS and GitHub; a result for one platform is refused, since it would be of this machine's and its libraries.
 *
 * @returns the requirement that stands for it: the wheel, with its hash
 * @throws UserError when there is no source, or it needs a compiler
 */
export async function buildWheel(context: Context, request: BuildRequest): Promise<Requirement> {
  const { requirement, lock, root, cwd, folder, place } = request;
  const { local } = requirement;
  const list = join(folder, "source.txt");
  const built = join(folder, "built");
  await mkdir(built, { recursive: true });
  const pinned = local === null ? [requirement.text] : [];
  const named = { root, requirements: place.file, place };
  const source = local === null ? null : await copyLocalPackage(local, join(folder, "source"), named, context.signal);
  await writeFile(list, [...lock.sources, ...pinned, ""].join("\n"));
  context.report({ kind: "line", text: `Building ${requirement.name} of its source` });
  const unpinned = source === null ? [] : await unpinnedTools(source, lock);
  if (unpinned.length > 0) {
    const text = `${requirement.name} is built by the newest ${unpinned.join(", ")}: named in the lock file, the same source gives the same image next year`;
    context.report({ kind: "line", text });
  }
  const build = async (pins: Pins): Promise<void> => {
    const how = ["--no-deps", "--progress-bar=off", "--ignore-requires-python", "--wheel-dir", built];
    // pip knows no extras there: with them it would take a wheel, which is for this machine.
    const what = source === null ? ["--require-hashes", "--no-binary", requirement.name] : [source];
    await runPip(context, ["wheel", ...how, "--requirement", list, ...what], {
      cwd,
      environment: {
        ...(await surroundings(lock, requirement, folder, pins)),
        ...(source === null ? {} : versionsWithoutGit),
        SOURCE_DATE_EPOCH: "315619200", // 1980-01-02: zip knows no time before 1980
      },
      variables: "guest",
    });
  };
  try {
    await build("of the lock file").catch(async (error: unknown) => {
      if (!(error instanceof ProgramFailed) || !contradictsPins.test(error.errors.untrusted)) throw error;
      const text = `${requirement.name} is not built by tools of the versions that the lock file has for the application: the newest that it takes are used`;
      context.report({ kind: "line", text });
      await build("none");
    });
  } catch (error) {
    if (!(error instanceof ProgramFailed)) throw error;
    const said = error.errors.untrusted;
    if (/No matching distribution found|Could not find a version/.test(said)) throw noSource(request, error);
    throw new UserError(needsCompiler(request, "building it failed: pip's words are in the log above"), {
      cause: error,
    });
  }
  const [wheel] = (await readdir(built)).filter((name) => name.endsWith(".whl"));
  if (wheel === undefined) throw new Error(`pip built no wheel of ${requirement.name}`);
  if (!wheel.endsWith("-none-any.whl")) {
    throw new UserError(needsCompiler(request, "what it builds is for one platform only"));
  }
  const path = join(built, wheel);
  const hash = createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
  const name = local === null ? requirement.name : (wheel.split("-", 1)[0] ?? requirement.name);
  return { ...requirement, local: null, text: `${name} @ ${pathToFileURL(path).href} --hash=sha256:${hash}` };
}

/**
 * A version that is taken from git is another one with each commit, of the same source: tools that take it so are given one.
 * @see https://setuptools-scm.readthedocs.io/en/latest/overrides/ (hatch-vcs, too)
 * @see https://github.com/mtkennerly/poetry-dynamic-versioning
 */
const versionsWithoutGit = { SETUPTOOLS_SCM_PRETEND_VERSION: "0.0.0", POETRY_DYNAMIC_VERSIONING_BYPASS: "0.0.0" };

/** What a package names as needed for its build, and the lock file does not pin. Who names nothing is built by setuptools. */
async function unpinnedTools(source: string, { requirements }: Lock): Promise<readonly string[]> {
  const text = await readFile(join(source, "pyproject.toml"), "utf8").catch(() => "");
  const read = buildSystemSchema.safeParse(parsedToml(text));
  const needed = read.success ? (read.data["build-system"]?.requires ?? ["setuptools"]) : [];
  const pinned = new Set(requirements.flatMap(({ name, version }) => (version === null ? [] : [normalizedName(name)])));
  const names = needed.flatMap((one) => /^\s*([\w.-]+)/.exec(one)?.[1] ?? []);
  return names.filter((name) => !pinned.has(normalizedName(name)));
}

const buildSystemSchema = z.object({ "build-system": z.object({ requires: z.array(z.string()) }).optional() });

/** pip tells what is wrong with it. */
function parsedToml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return null;
  }
}

/** Versions that the tools of a build are held to. */
type Pins = "of the lock file" | "none";

/** How pip says that a source wants other tools than it may take. */
const contradictsPins = /\(constraint\)|ResolutionImpossible/;

/**
 * A home of its own: what is in the runner's would decide what is built, or be read by whoever wrote the source. What pip reads there
 * itself, it is told. And tools of the build that the lock file names are those that it names: pip takes the newest of all others.
 * @see https://pip.pypa.io/en/stable/cli/pip_wheel/#cmdoption-build-constraint
 */
async function surroundings(
  { requirements }: Lock,
  self: Requirement,
  folder: string,
  wanted: Pins,
): Promise<Readonly<Record<string, string>>> {
  const home = join(folder, "home");
  await mkdir(home, { recursive: true });
  const constraints = join(folder, "constraints.txt");
  const others = requirements.filter(({ name }) => normalizedName(name) !== normalizedName(self.name));
  const pins = (wanted === "none" ? [] : others).flatMap(({ name, version, marker }) =>
    version === null ? [] : [`${name}==${version}${marker === null ? "" : ` ; ${marker}`}`],
  );
  await writeFile(constraints, [...pins, ""].join("\n"));
  const file = pathToFileURL(constraints).href; // pip takes a path with a blank for two
  const settings = [join(homedir(), ".config/pip/pip.conf"), join(homedir(), ".pip/pip.conf")].find(existsSync);
  const logins = join(homedir(), ".netrc");
  return {
    HOME: home,
    PIP_CONSTRAINT: file,
    PIP_BUILD_CONSTRAINT: file,
    PIP_CACHE_DIR: variableOfJob("PIP_CACHE_DIR") ?? join(homedir(), ".cache/pip"),
    ...(settings === undefined || variableOfJob("PIP_CONFIG_FILE") !== null ? {} : { PIP_CONFIG_FILE: settings }),
    ...(existsSync(logins) && variableOfJob("NETRC") === null ? { NETRC: logins } : {}),
  };
}

function noSource({ requirement, target, place }: BuildRequest, cause: unknown): UserError {
  return new UserError(
    {
      what: `${requirement.name} ${requirement.version ?? ""} has no wheel for ${target}, and no source with a hash of the lock file.`,
      where: place,
      fix: "Lock a version that has one; or build the wheel and put it into an index of your own; or build this image from a Dockerfile (build:).",
    },
    { cause },
  );
}

function needsCompiler({ requirement, target, place }: BuildRequest, why: string): Advice & { where: Place | string } {
  return {
    what: `${requirement.name} ${requirement.version ?? ""} has no wheel for ${target}, and its source needs a compiler: ${why}.`.replace(
      "  ",
      " ",
    ),
    where: place,
    fix: "Lock a version that has a wheel; or build the wheel once, on a machine of that platform, and put it into an index of your own; or build this image from a Dockerfile (build:).",
  };
}
