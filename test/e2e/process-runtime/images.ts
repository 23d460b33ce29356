import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "../../cache-folder.ts";
import type { MachinePython } from "../../local-aws/backing/machine-python.ts";
import { installedPackages } from "../../local-aws/backing/python-packages.ts";
import type { BaseImage } from "../../local-aws/infrastructure/base-image.ts";
import { type BuiltLayer, buildLayer } from "../../local-aws/infrastructure/layer.ts";
import { pushImage } from "../../local-aws/infrastructure/push.ts";
import type { LayerEntry } from "../../local-aws/infrastructure/tar.ts";

const fixtures = fileURLToPath(new URL("../../fixtures/", import.meta.url));
const dependencies = "opt/dependencies";

/** The code of one release of the fixture. */
export interface Code {
  /** What `app/main.py` calls its release. */
  readonly release: string;
  /** Does it fail to import? */
  readonly broken?: boolean;
}

export interface ImageRequest {
  readonly registry: string;
  readonly repository: string;
  readonly base: BaseImage;
  readonly python: MachinePython;
}

/**
 * Pushes an image of the fixture: the base's settings, a layer with Dagster, a layer with the code.
 * @returns its digest.
 */
export async function pushFixture({ registry, repository, base, python }: ImageRequest, code: Code): Promise<string> {
  const contents = codeEntries(code);
  const hash = createHash("sha256");
  for (const entry of contents) hash.update(`${entry.path}\0`).update(entry.kind === "file" ? entry.content : "");
  const key = hash.digest("hex").slice(0, 16);
  const codeLayer = await buildLayer(cacheFolder("built-layers", `fixture-${key}.tar.gz`), () => contents);
  return pushOnDagster({ registry, repository, base, python }, key, codeLayer, [
    `IMAGE_FOLDERS=/app:/${dependencies}`,
    "DAGSTER_HOME=/app/app/home",
  ]);
}

/**
 * Pushes an image of the base's settings, a layer with Dagster, and one of its own whose code is below `/app`.
 * @param environment more variables, as `NAME=value`
 * @param lockFile of the packages that it has instead of Dagster's
 * @returns its digest.
 */
export async function pushOnDagster(
  { registry, repository, base, python }: ImageRequest,
  tag: string,
  layer: BuiltLayer,
  environment: readonly string[],
  lockFile = join(fixtures, "python/dagster.txt"),
): Promise<string> {
  return pushImage({
    registry,
    repository,
    tag,
    layers: [await dependenciesLayer(python, lockFile), layer],
    settings: {
      ...base.settings,
      WorkingDir: "/app",
      Env: [
        ...(base.settings.Env ?? []).filter((variable) => !variable.startsWith("PATH=")),
        `PATH=/${dependencies}/bin:/usr/local/bin:/usr/bin:/bin`,
        `PYTHONPATH=/app:/${dependencies}`,
        ...environment,
      ],
    },
  });
}

/** What the lock file pins; built once and kept. */
async function dependenciesLayer(python: MachinePython, lockFile: string): Promise<BuiltLayer> {
  const folder = await installedPackages(python, lockFile, { compile: false });
  return buildLayer(cacheFolder("built-layers", `${basename(folder)}.tar.gz`), () =>
    folderEntries(folder, dependencies),
  );
}

/** Console scripts are written for the interpreter that installed them: the image has its own. */
function* folderEntries(folder: string, path: string): Generator<LayerEntry> {
  for (const name of readdirSync(folder).sort()) {
    const from = join(folder, name);
    const stat = statSync(from);
    if (stat.isDirectory()) yield* folderEntries(from, `${path}/${name}`);
    else {
      const content = readFileSync(from);
      const executable = (stat.mode & 0o111) !== 0;
      yield { kind: "file", path: `${path}/${name}`, executable, content: executable ? portable(content) : content };
    }
  }
}

function portable(script: Buffer): Buffer {
  const end = script.indexOf("\n");
  if (!/^#!.*python/.test(script.toString("latin1", 0, end))) return script;
  return Buffer.concat([Buffer.from("#!/usr/bin/env python3"), script.subarray(end)]);
}

function codeEntries({ release, broken = false }: Code): readonly LayerEntry[] {
  const folder = join(fixtures, "process-runtime");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return files
    .filter((file) => statSync(join(folder, file)).isFile() && !file.includes("__pycache__"))
    .map((file) => {
      const text = readFileSync(join(folder, file), "utf8").replace('release = "RELEASE"', `release = "${release}"`);
      const content = broken && file.endsWith("main.py") ? `import a_module_that_nobody_has\n${text}` : text;
      return { kind: "file", path: `app/${file}`, executable: false, content: Buffer.from(content) };
    });
}
