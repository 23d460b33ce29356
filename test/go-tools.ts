import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { cacheFolder } from "./cache-folder.ts";

/** A pinned module, which has nothing beside it; or a folder of ours whose go.mod pins what is built. */
type Source =
  | { readonly kind: "module"; readonly module: string; readonly version: string; readonly path: string }
  | { readonly kind: "folder"; readonly folder: string; readonly target: string; readonly flags?: string };

/** Programs that are built from Go modules. */
const programs = {
  act: { kind: "module", module: "github.com/nektos/act", version: "v0.2.87", path: "" },
  actionlint: {
    kind: "module",
    module: "github.com/rhysd/actionlint",
    version: "v1.7.12",
    path: "/cmd/actionlint",
  },
  // Of one set of modules, so that what both are made of is compiled once.
  buildx: { kind: "module", module: "github.com/docker/buildx", version: "v0.37.2", path: "/cmd/buildx" },
  s5cmd: { kind: "module", module: "github.com/peak/s5cmd/v2", version: "v2.3.0", path: "" },
  versitygw: { kind: "module", module: "github.com/versity/versitygw", version: "v1.7.0", path: "/cmd/versitygw" },
  buildkitd: { kind: "module", module: "github.com/moby/buildkit", version: "v0.33.1", path: "/cmd/buildkitd" },
  // Its go.mod repeats a `replace`, which counts in a main module only.
  tofu: {
    kind: "folder",
    folder: "test/infra/opentofu",
    target: "github.com/opentofu/opentofu/cmd/tofu",
    flags: "-X github.com/opentofu/opentofu/version.dev=no",
  },
  "terraform-provider-aws": { kind: "folder", folder: "test/infra/aws-provider", target: "." },
} as const satisfies Readonly<Record<string, Source>>;

/**
 * Path of a program, built once and kept in the cache folder. Two that ask at once may both build it; the last one's counts.
 * @throws Error when there is no Go, or the module cannot be had
 */
export async function goTool(name: keyof typeof programs): Promise<string> {
  const source: Source = programs[name];
  const folder = cacheFolder("go", await keyOf(name, source));
  const program = join(folder, name);
  if (existsSync(program)) return program;
  await mkdir(folder, { recursive: true });
  const own = await mkdtemp(join(folder, "build-"));
  try {
    await build(source, own, name);
    await rename(join(own, name), program);
    return program;
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

async function keyOf(name: string, source: Source): Promise<string> {
  if (source.kind === "module") return `${source.module}@${source.version}`.replaceAll(/[^\w.-]/g, "-");
  const hash = createHash("sha256")
    .update(source.target)
    .update(source.flags ?? "");
  for (const file of (await readdir(source.folder)).sort()) hash.update(await readFile(join(source.folder, file)));
  return `${name}-${hash.digest("hex").slice(0, 16)}`;
}

async function build(source: Source, into: string, name: string): Promise<void> {
  const environment = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-trimpath -buildvcs=false", GOWORK: "off" };
  const go = async (cwd: string, ...args: readonly string[]): Promise<void> => {
    await promisify(execFile)("go", args, { cwd, env: environment, maxBuffer: 64 * 1024 * 1024 });
  };
  switch (source.kind) {
    case "module": {
      const { module, version, path } = source;
      // Not `go install`: it takes no module that leaves out versions of others, as BuildKit's does.
      await go(into, "mod", "init", "tools");
      await go(into, "get", `${module}${path}@${version}`);
      return go(into, "build", "-ldflags=-s -w", "-o", join(into, name), `${module}${path}`);
    }
    case "folder": {
      const flags = `-ldflags=-s -w ${source.flags ?? ""}`;
      return go(resolve(source.folder), "build", "-mod=readonly", flags, "-o", join(into, name), source.target);
    }
  }
}
