import { execFile } from "node:child_process";
import { cp, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { folderFor } from "./fixtures.ts";

/** The tree of an image in which `RUN` works: a shell and a few programs of this machine, with the libraries that they need. */
export async function shellTree(): Promise<string> {
  const root = await folderFor("shell");
  for (const program of ["sh", "cat", "cp", "ls"]) {
    const path = (await promisify(execFile)("which", [program])).stdout.trim();
    await put(root, path, `/bin/${program}`);
    const { stdout } = await promisify(execFile)("ldd", [path]);
    for (const [library] of stdout.matchAll(/\/\S+/g)) await put(root, library, library);
  }
  return root;
}

async function put(root: string, from: string, to: string): Promise<void> {
  await mkdir(dirname(join(root, to)), { recursive: true });
  await cp(from, join(root, to), { dereference: true });
}
