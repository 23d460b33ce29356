import { createHash } from "node:crypto";
import { lstat, readdir, readFile, readlink, realpath } from "node:fs/promises";
import { join, posix, relative, resolve, sep } from "node:path";
import { UserError } from "../../domain/errors.ts";
import { type Ignored, parseDockerignore } from "../../files/dockerignore.ts";
import { chunksOf } from "../../files/archive.ts";
import type { DockerRequest } from "./request.ts";

/** What is sent to a build. */
export interface BuildContext {
  readonly folder: string;
  /** Text of the Dockerfile. */
  readonly dockerfile: string;
  /** What the build is told to leave out. */
  readonly ignore: string;
  /** By path in the context: `0644 <SHA-256 in hex>`, `0755 …`, `0600 …` and `0700 …` where its owner alone may read it, or `link <target>`. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * Reads and hashes what is to be sent to a build. The ignore file is the Dockerfile's own, as BuildKit has it, else that of the
 * context. `.git` is left out whatever it says, that of submodules, too: no two checkouts have it alike, and nothing would ever be found
 * again. So are the files
 * of the build's secrets: `COPY .` would put them into the image, and a new value would be another content.
 *
 * @see https://docs.docker.com/build/concepts/context/#filename-and-location
 * @throws UserError for a Dockerfile or context that is not there, and for what is no file.
 */
export async function readContext(
  {
    root,
    context,
    dockerfile,
    secrets,
    place,
  }: Pick<DockerRequest, "root" | "context" | "dockerfile" | "secrets" | "place">,
  signal: AbortSignal,
): Promise<BuildContext> {
  const text = await readFile(join(root, dockerfile), "utf8").catch((cause: unknown) => {
    throw new UserError(
      {
        what: `The Dockerfile ${dockerfile} cannot be read.`,
        where: place ?? dockerfile,
        fix: "Check the path, which starts at the root of the checkout, and that the file is committed.",
      },
      { cause },
    );
  });
  const folder = await contextFolder(root, context, place);
  const own = await readIfThere(join(root, `${dockerfile}.dockerignore`));
  const written = own ?? (await readIfThere(join(folder, ".dockerignore"))) ?? "";
  const left = ["**/.git", ...(await secretPaths(await realpath(root), folder, secrets)).map(asPattern)];
  const ignore = `${written.replace(/\n*$/, "\n")}${left.join("\n")}\n`;
  const paths = await pathsIn(folder, parseDockerignore(ignore));
  const files: (readonly [string, string])[] = [];
  for (let at = 0; at < paths.length; at += atOnce) {
    signal.throwIfAborted();
    const some = paths.slice(at, at + atOnce);
    files.push(...(await Promise.all(some.map(async (path) => [path, await contentOf(folder, path)] as const))));
  }
  return { folder, dockerfile: text, ignore, files: Object.fromEntries(files) };
}

/** Many small files at once, and not all of them. */
const atOnce = 64;

async function contextFolder(root: string, context: string, place: DockerRequest["place"]): Promise<string> {
  const where = place ?? `context: ${context}`;
  const folder = await realpath(join(root, context)).catch((cause: unknown) => {
    throw new UserError(
      {
        what: `There is no folder ${context} in the checkout.`,
        where,
        fix: "Check the path, which starts at the root of the checkout.",
      },
      { cause },
    );
  });
  const inRoot = relative(await realpath(root), folder);
  const isInside = inRoot !== ".." && !inRoot.startsWith(`..${sep}`);
  if (isInside && (await lstat(folder)).isDirectory()) return folder;
  throw new UserError({
    what: `${context} is not a folder of the checkout.`,
    where,
    fix: "Name the folder that is to be sent to the build; `.` is the whole checkout.",
  });
}

/** Files of secrets that lie in the context, by their paths in it. */
async function secretPaths(
  root: string,
  folder: string,
  secrets: DockerRequest["secrets"],
): Promise<readonly string[]> {
  const files = Object.values(secrets).flatMap((secret) =>
    secret.kind === "file" ? [resolve(root, secret.path)] : [],
  );
  // One by a link is in the context under its own name, too.
  const real = await Promise.all(files.map((file) => realpath(file).catch(() => file)));
  const inside = [...files, ...real].map((file) => relative(folder, file).replaceAll(sep, "/"));
  return [...new Set(inside)].filter((path) => path !== "" && path !== ".." && !path.startsWith("../")).sort();
}

/** A line of an ignore file that means this very path. */
function asPattern(path: string): string {
  return `/${path.replaceAll(/[\\*?[\]]/g, "\\$&")}`;
}

async function pathsIn(folder: string, ignored: Ignored): Promise<readonly string[]> {
  const found: string[] = [];
  const walk = async (inside: string): Promise<void> => {
    for (const item of await readdir(join(folder, inside), { withFileTypes: true })) {
      const path = posix.join(inside, item.name);
      const isIgnored = ignored.ignores(path);
      if (!item.isDirectory()) {
        if (!isIgnored) found.push(path);
      } else if (!isIgnored || !ignored.wholeFolders) await walk(path);
    }
  };
  await walk("");
  return found.sort();
}

async function contentOf(folder: string, path: string): Promise<string> {
  const file = join(folder, path);
  const status = await lstat(file);
  if (status.isSymbolicLink()) return `link ${await readlink(file)}`;
  if (!status.isFile()) {
    throw new UserError({
      what: `${path} is neither a file nor a folder nor a link.`,
      where: file,
      fix: "Leave it out by a line in .dockerignore.",
    });
  }
  const hash = createHash("sha256");
  for await (const chunk of chunksOf(file, status.size)) hash.update(chunk);
  // COPY takes the mode along. What a checkout's umask makes of it matters where nobody else may read the file any more.
  const mode = (status.mode & 0o111) === 0 ? 0o644 : 0o755;
  const seen = (status.mode & 0o004) === 0 ? mode & 0o700 : mode;
  return `0${seen.toString(8)} ${hash.digest("hex")}`;
}

async function readIfThere(file: string): Promise<string | null> {
  return readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
}
