import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheFolder } from "./cache-folder.ts";

/** Programs that are built from Go modules, by their pinned module. */
const modules = { act: "github.com/nektos/act@v0.2.87" } as const;

/**
 * Path of a program, built once and kept in the cache folder. Two that ask at once may both build it; the last one's counts.
 * @throws Error when there is no Go, or the module cannot be had
 */
export async function goTool(name: keyof typeof modules): Promise<string> {
  const module = modules[name];
  const folder = cacheFolder("go", module.replaceAll(/[^\w.-]/g, "-"));
  const program = join(folder, name);
  if (existsSync(program)) return program;
  await mkdir(folder, { recursive: true });
  const own = await mkdtemp(join(folder, "build-"));
  try {
    const environment = { ...process.env, GOBIN: own, CGO_ENABLED: "0", GOFLAGS: "-trimpath" };
    await promisify(execFile)("go", ["install", "-ldflags=-s -w", module], {
      env: environment,
      maxBuffer: 64 * 1024 * 1024,
    });
    await rename(join(own, name), program);
    return program;
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}
