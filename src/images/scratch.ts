import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Advice, UserError } from "../domain/errors.ts";

/**
 * Does the work with a folder of its own below `scratch`, which is gone afterwards however the work ends.
 * @throws UserError when the disk is full, and as the work does
 */
export async function inScratch<T>(scratch: string, work: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(scratch, { recursive: true });
  const folder = await mkdtemp(join(scratch, prefix));
  try {
    return await work(folder);
  } catch (error) {
    throw isFull(error) ? new UserError({ ...diskFull, where: scratch }, { cause: error }) : error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What to do when there is no room on this machine. */
export const diskFull: Omit<Advice, "where"> = {
  what: "The disk of this machine is full.",
  fix: "Make room before this step, or use a runner with a larger disk. Then run it again: what was pushed stays pushed.",
};

function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOSPC" || code === "EDQUOT";
}

/** Removes what was left there by somebody who was killed at his work: a login of docker may be among it. */
export async function removeScratch(scratch: string): Promise<void> {
  const left = (await readdir(scratch).catch(() => [])).filter((name) => name.startsWith(prefix));
  for (const name of left) await rm(join(scratch, name), { recursive: true, force: true });
}

const prefix = "dagster-ecs-image-";
