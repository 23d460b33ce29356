import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

/** Does the work with a folder of its own below `scratch`, which is gone afterwards however the work ends. */
export async function inScratch<T>(scratch: string, work: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(scratch, { recursive: true });
  const folder = await mkdtemp(join(scratch, "image-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
