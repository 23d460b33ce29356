import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { contentHash } from "../domain/json.ts";

/**
 * Packages that are installed for programs of this machine, and kept there: whoever wants the same finds them. They are taken only
 * while their files are what was installed, since programs that run on them may write there what they like.
 *
 * @param kept a folder that outlives this job; others may use it at the same time
 * @param wanted all that decides what is installed
 * @param install is given an empty folder, and returns where in it the packages are; null: there are none
 * @throws UserError for a folder that cannot be written to, and as `install` does
 */
export async function keptPackages(
  context: Context,
  kept: string,
  wanted: unknown,
  install: (folder: string) => Promise<string | null>,
): Promise<string | null> {
  const { clock, report } = context;
  const place = join(kept, contentHash(wanted).slice(0, 40));
  const packages = join(place, packagesName);
  const isThere = await isWhole(context, place);
  if (!isThere) {
    const made = await newFolder(kept);
    try {
      const work = join(made, "work");
      await mkdir(work);
      const installed = await install(work);
      if (installed === null) return null;
      await rename(installed, join(made, packagesName));
      await rm(work, { recursive: true });
      await writeFile(join(made, record), await hashOf(join(made, packagesName), context.signal));
      await rename(made, place).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error; // somebody else was faster, and wanted the same
      });
    } finally {
      await rm(made, { recursive: true, force: true });
    }
  }
  const now = clock.now() / 1000;
  await utimes(join(place, record), now, now);
  if (isThere) report({ kind: "line", text: `Packages for this machine are there already: ${packages}` });
  else await removeOldest(kept);
  return packages;
}

const packagesName = "packages";

/** Holds the hash of the files; its time is when they were last used. */
const record = "hash";

/** Are packages there, as they were installed? Others are taken away, at once: somebody may look for them now. */
async function isWhole({ report, signal }: Context, place: string): Promise<boolean> {
  const said = await readFile(join(place, record), "utf8").catch(() => null);
  if (said === null) return false;
  if (said === (await hashOf(join(place, packagesName), signal))) return true;
  report({
    kind: "line",
    text: `Packages that were kept are not what was installed, and are installed anew: ${place}`,
  });
  const away = await newFolder(join(place, ".."));
  await rename(place, join(away, "changed"));
  await rm(away, { recursive: true });
  return false;
}

async function newFolder(kept: string): Promise<string> {
  try {
    await mkdir(kept, { recursive: true });
    return await mkdtemp(join(kept, "new-"));
  } catch (cause) {
    const what = `The folder in which packages for \`prepare\` are kept cannot be written to: ${(cause as Error).message}.`;
    const fix = "Give this job's user the right to write there.";
    throw new UserError({ what, where: kept, fix }, { cause });
  }
}

/** Of all files but byte code, which Python writes there when it first imports them. */
async function hashOf(folder: string, signal: AbortSignal): Promise<string> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = found
    .filter((item) => !item.isDirectory() && !/\/__pycache__(\/|$)/.test(item.parentPath))
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
  const hash = createHash("sha256");
  for (const file of files) {
    signal.throwIfAborted();
    const [bytes, { mode }] = await Promise.all([readFile(file), stat(file)]);
    const content = createHash("sha256").update(bytes).digest("hex");
    hash.update(`${file.slice(folder.length)} ${mode & 0o111} ${content}\n`);
  }
  return hash.digest("hex");
}

/** Of a few images and branches. */
const mostSets = 5;

async function removeOldest(kept: string): Promise<void> {
  const sets = await Promise.all(
    (await readdir(kept)).map(async (name) => {
      const place = join(kept, name);
      // One that is being made, or whose making was cut, has no record.
      const { mtimeMs } = await stat(join(place, record)).catch(() => stat(place));
      return { place, mtimeMs };
    }),
  );
  sets.sort((a, b) => b.mtimeMs - a.mtimeMs);
  for (const { place } of sets.slice(mostSets)) await rm(place, { recursive: true, force: true });
}
