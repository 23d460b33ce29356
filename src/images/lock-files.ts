import { posix } from "node:path";
import { parse } from "smol-toml";
import * as z from "zod";
import { UserError } from "../domain/errors.ts";
import { holdsPassword, type Lock, parseLock, passwordFix, type Requirement } from "./lock.ts";

/**
 * Reads a lock file by its name: `uv.lock`, `poetry.lock`, `pylock.toml` or `pylock.<name>.toml`; all others are in pip's format.
 *
 * Of uv's and Poetry's own formats only what the file names is read here. What of it is installed, for which Python and platform, is
 * asked of the tool that wrote it, when packages are installed.
 *
 * @param file its path in the checkout
 * @param groups dependency groups that are wanted beside what the project needs
 * @throws UserError
 */
export function readLock(text: string, file: string, groups: readonly string[]): Lock {
  const name = posix.basename(file);
  if (name === "uv.lock") return { ...uvLock(text, file), exporter: { tool: "uv", groups } };
  if (name === "poetry.lock") return { ...poetryLock(text, file), exporter: { tool: "poetry", groups } };
  if (/^pylock(\.[^.]+)?\.toml$/.test(name)) return pylock(text, file, groups);
  if (groups.length === 0) return parseLock(text, file);
  throw new UserError({
    what: `A lock file in pip's format has no groups, and ${groups.join(", ")} ${groups.length === 1 ? "is" : "are"} asked for.`,
    where: file,
    fix: "Compile them into the file, and remove `groups`; or name uv.lock, poetry.lock or pylock.toml.",
  });
}

const uvSchema = z.looseObject({
  package: z
    .array(
      z.looseObject({
        name: z.string(),
        version: z.string().optional(),
        source: z.looseObject({
          registry: z.string().optional(),
          editable: z.string().optional(),
          directory: z.string().optional(),
        }),
      }),
    )
    .default([]),
});

/** @see https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile */
function uvLock(text: string, file: string): Omit<Lock, "exporter"> {
  const lines = linesOf(text);
  const packages = read(uvSchema, text, file).package;
  const registries = new Set(packages.flatMap(({ source }) => source.registry ?? []));
  return {
    requirements: packages.map(({ name, version, source }) =>
      named(name, version, source.directory ?? source.editable, lines),
    ),
    sources: [...registries]
      .filter((url) => /^https?:/.test(url) && url !== publicIndex)
      .map((url) => `--extra-index-url ${url}`),
  };
}

const poetrySchema = z.looseObject({
  package: z
    .array(
      z.looseObject({
        name: z.string(),
        version: z.string(),
        source: z.looseObject({ type: z.string(), url: z.string() }).optional(),
      }),
    )
    .default([]),
});

/** @see https://python-poetry.org/docs/basic-usage/#installing-with-poetrylock */
function poetryLock(text: string, file: string): Omit<Lock, "exporter"> {
  const lines = linesOf(text);
  const packages = read(poetrySchema, text, file).package;
  return {
    requirements: packages.map(({ name, version, source }) =>
      named(name, version, source?.type === "directory" ? source.url : undefined, lines),
    ),
    sources: [], // the tool writes them
  };
}

const hashesSchema = z.record(z.string(), z.string());
const pinnedFileSchema = z.looseObject({ hashes: hashesSchema });
const pylockSchema = z.looseObject({
  "lock-version": z.string(),
  extras: z.array(z.string()).default([]),
  "dependency-groups": z.array(z.string()).default([]),
  "default-groups": z.array(z.string()).default([]),
  packages: z
    .array(
      z.looseObject({
        name: z.string(),
        version: z.string().optional(),
        marker: z.string().optional(),
        index: z.string().optional(),
        sdist: pinnedFileSchema.optional(),
        wheels: z.array(pinnedFileSchema).optional(),
        archive: z
          .looseObject({ url: z.string().optional(), path: z.string().optional(), hashes: hashesSchema })
          .optional(),
        directory: z.looseObject({ path: z.string() }).optional(),
        vcs: z.unknown().optional(),
      }),
    )
    .default([]),
});

/** @see https://packaging.python.org/en/latest/specifications/pylock-toml/ */
function pylock(text: string, file: string, groups: readonly string[]): Lock {
  const lines = linesOf(text);
  const refuse = (line: number, what: string, fix: string): UserError =>
    new UserError({ what, where: { file, line, column: 1 }, fix });
  const written = read(pylockSchema, text, file);
  const { packages, "lock-version": version, "dependency-groups": known } = written;
  if (!version.startsWith("1.")) {
    throw refuse(
      1,
      `The lock file is of version ${version} of its format.`,
      "Lock in version 1.0: `uv export --format pylock.toml`.",
    );
  }
  const unknown = groups.filter((group) => !known.includes(group));
  if (unknown.length > 0) {
    const has = known.length === 0 ? "none" : known.join(", ");
    throw refuse(
      1,
      `The lock file has no group ${unknown.join(", ")}; it has ${has}.`,
      "Lock with all groups, or remove it from `groups`.",
    );
  }
  const sets = { extras: [], groups: [...written["default-groups"], ...groups] };
  const requirements = packages.map((one): Requirement => {
    const line = lines(one.name);
    if ([one.index, one.archive?.url].some((url) => url !== undefined && holdsPassword(url)))
      throw refuse(line, `The lock file holds a password for where ${one.name} comes from.`, passwordFix);
    const marker = one.marker === undefined ? null : withSets(one.marker, sets);
    const common = { name: one.name, version: one.version ?? null, marker, line };
    if (one.directory !== undefined) return { ...common, text: "", local: one.directory.path };
    const hashes = (from: z.infer<typeof hashesSchema>): string =>
      Object.entries(from)
        .filter(([name]) => ["sha256", "sha384", "sha512"].includes(name))
        .map(([name, hash]) => ` --hash=${name}:${hash}`)
        .join("");
    const { archive } = one;
    // pip takes a path for a path where nothing stands before it, and only where it begins as one.
    const place =
      archive?.url !== undefined ? `${one.name} @ ${archive.url}` : archive?.path?.replace(/^(?!\.{0,2}\/)/, "./");
    if (archive !== undefined && place !== undefined)
      return { ...common, text: `${place}${hashes(archive.hashes)}`, local: null };
    const files = [...(one.wheels ?? []), ...(one.sdist === undefined ? [] : [one.sdist])];
    const pins = [...new Set(files.map((pinned) => hashes(pinned.hashes)))].join("");
    if (one.version === undefined || pins === "") {
      const what = `${one.name} is pinned by no hash${one.vcs === undefined ? "" : ": it comes from a repository"}.`;
      throw refuse(line, what, "Build it once and put it into an index of your own, or name an archive with its hash.");
    }
    return { ...common, text: `${one.name}==${one.version}${pins}`, local: null };
  });
  const indexes = new Set(packages.flatMap(({ index }) => index ?? []));
  const sources = [...indexes].filter((url) => url !== publicIndex).map((url) => `--extra-index-url ${url}`);
  return { requirements, sources, exporter: null };
}

/**
 * `'dev' in dependency_groups` is true or false once the groups are chosen: then only what asks about the target is left of a marker.
 * @see https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
 */
function withSets(
  marker: string,
  sets: { readonly extras: readonly string[]; readonly groups: readonly string[] },
): string {
  return marker.replaceAll(
    /(["'])([^"']*)\1\s+(not\s+in|in)\s+(extras|dependency_groups)\b/g,
    (_, _quote: string, name: string, operator: string, set: string) => {
      const holds = (set === "extras" ? sets.extras : sets.groups).includes(name);
      return holds === (operator === "in") ? "os_name == 'posix'" : "os_name == ''";
    },
  );
}

function named(
  name: string,
  version: string | undefined,
  folder: string | undefined,
  lines: (name: string) => number,
): Requirement {
  // The project itself stands in its lock file as well: its code is what `files` copies.
  const local = folder === undefined || posix.normalize(folder) === "." ? null : folder;
  return { name, version: version ?? null, marker: null, text: "", local, line: lines(name) };
}

function read<T>(schema: z.ZodType<T>, text: string, file: string): T {
  try {
    return schema.parse(parse(text));
  } catch (cause) {
    throw new UserError(
      {
        what: `${file} is not a lock file as its name says.`,
        where: file,
        fix: "Lock anew: `uv lock`, `poetry lock`, or `uv export --format pylock.toml`.",
      },
      { cause },
    );
  }
}

/** Where the lock file has a package: the first line that names it. */
function linesOf(text: string): (name: string) => number {
  const lines = new Map<string, number>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const name = /^name = "([^"]+)"/.exec(line)?.[1];
    if (name !== undefined && !lines.has(name)) lines.set(name, index + 1);
  }
  return (name) => lines.get(name) ?? 1;
}

const publicIndex = "https://pypi.org/simple";
