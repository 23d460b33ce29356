import { chmod, copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TreeEntry } from "../files/archive.ts";

/**
 * Lays the files of an image out in a folder, each at its path in the image.
 * @param folder an empty one
 */
export async function layOut(entries: readonly TreeEntry[], folder: string): Promise<void> {
  for (const entry of entries) {
    const path = join(folder, entry.path);
    await mkdir(entry.kind === "directory" ? path : dirname(path), { recursive: true });
    if (entry.kind === "symlink") await symlink(entry.target, path);
    if (entry.kind !== "file") continue;
    if (entry.content.kind === "bytes") await writeFile(path, entry.content.bytes);
    else await copyFile(entry.content.file, path);
    if (entry.executable) await chmod(path, 0o755);
  }
}
