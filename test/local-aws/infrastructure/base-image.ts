import { createHash } from "node:crypto";
import { join } from "node:path";
import { cacheFolder } from "../../cache-folder.ts";
import type { MachinePython } from "../backing/machine-python.ts";
import { buildLayer } from "./layer.ts";
import { type ImageSettings, pushImage } from "./push.ts";
import type { LayerEntry } from "./tar.ts";

/** An image to build on. */
export interface BaseImage {
  readonly digest: string;
  readonly settings: ImageSettings;
}

/**
 * Pushes what stands for a slim Python image: its settings and the few files that programs look for. The interpreter
 * is not in it; this machine lends its own to every task, so the image says that very version.
 */
export async function pushBaseImage(
  python: MachinePython,
  target: { readonly registry: string; readonly repository: string; readonly tag: string },
): Promise<BaseImage> {
  const settings = {
    Env: [
      "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
      "LANG=C.UTF-8",
      `PYTHON_VERSION=${python.version}`,
    ],
    Cmd: ["python3"],
    WorkingDir: "/",
  };
  const key = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 16);
  const layer = await buildLayer(join(cacheFolder("built-layers"), `base-${key}.tar.gz`), () => entries);
  return { digest: await pushImage({ ...target, settings, layers: [layer] }), settings };
}

const files: Readonly<Record<string, string>> = {
  "etc/group": "root:x:0:\nnogroup:x:65534:\n",
  "etc/os-release": 'ID=local-aws\nNAME="local-aws base image"\n',
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
};

const entries: readonly LayerEntry[] = [
  ...Object.entries(files).map(([path, content]) => ({
    kind: "file" as const,
    path,
    content: Buffer.from(content),
    executable: false,
  })),
  { kind: "folder", path: "tmp" },
];
