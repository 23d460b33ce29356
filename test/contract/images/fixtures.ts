import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmod,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Context, Progress } from "../../../src/domain/context.ts";
import type { Sha } from "../../../src/domain/identifiers.ts";
import type { ImageRequest } from "../../../src/images/index.ts";
import { manifestTypes } from "../../../src/images/manifest.ts";

const run = promisify(execFile);

/** A context that writes down what it is told; its time passes at once. */
export interface Told extends Context {
  readonly progress: Progress[];
  readonly sleeps: number[];
  /** All words that people could see. */
  words(): string;
}

export function context(signal: AbortSignal = new AbortController().signal): Told {
  const progress: Progress[] = [];
  const sleeps: number[] = [];
  let now = Date.UTC(2026, 10, 21);
  return {
    progress,
    sleeps,
    signal,
    report: (said) => void progress.push(said),
    clock: {
      now: () => now,
      sleep: async (milliseconds, until) => {
        until?.throwIfAborted();
        sleeps.push(milliseconds);
        now += milliseconds;
      },
    },
    words: () =>
      progress
        .filter(({ kind }) => kind !== "secret")
        .map((said) => JSON.stringify(said))
        .join("\n"),
  };
}

const folders: string[] = [];

/** A folder of the test, gone with {@link removeFolders}. */
export async function folderFor(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  folders.push(folder);
  return folder;
}

export async function removeFolders(): Promise<void> {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
}

export const shaOf = (digit: string): Sha => digit.repeat(40) as Sha;

/** Files of a checkout: text, an executable text, or a link. */
export type Files = Readonly<Record<string, string | { readonly executable: string } | { readonly link: string }>>;

export async function checkout(files: Files): Promise<string> {
  const root = await folderFor("checkout");
  await change(root, files);
  return root;
}

export async function change(root: string, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    if (typeof content === "string") await writeFile(file, content);
    else if ("link" in content) await symlink(content.link, file);
    else {
      await writeFile(file, content.executable);
      await chmod(file, 0o755);
    }
  }
}

export async function copyOf(root: string): Promise<string> {
  const copy = await folderFor("checkout");
  await cp(root, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

export function request(root: string, more: Partial<ImageRequest> = {}): ImageRequest {
  return {
    way: "layers",
    repository: "app",
    createRepository: null,
    platform: "linux/amd64",
    source: { repository: "owner/app", sha: shaOf("a") },
    isDirty: false,
    root,
    place: null,
    base: "base:1",
    requirements: null,
    groups: [],
    prepare: [],
    files: [{ from: "app", to: "/app/app" }],
    generated: {},
    workdir: "/app",
    environment: {},
    user: null,
    python: null,
    places: null,
    ...more,
  };
}

/** Past the product: straight to a registry that lets this header in. */
export interface Direct {
  readonly url: string;
  readonly authorization: string;
}

export interface BaseOptions {
  readonly form?: "oci" | "docker" | "oci-index" | "docker-list";
  readonly architecture?: string;
  readonly environment?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  /** What is in it, in the place of `files`. */
  readonly folder?: string;
}

/** Writes a base image of one small layer, by no code of the product. @returns its digest. */
export async function pushBase(
  to: Direct,
  repository: string,
  tag: string,
  options: BaseOptions = {},
): Promise<string> {
  const { form = "oci", architecture = "amd64", files = { "etc/os-release": "ID=test\n" } } = options;
  const isDocker = form.startsWith("docker");
  const folder = options.folder ?? (await checkout(files));
  const tar = (await run("tar", ["-c", "-C", folder, "."], { encoding: "buffer", maxBuffer: 512 * 1024 * 1024 }))
    .stdout;
  const layer = gzipSync(tar);
  const config = Buffer.from(
    JSON.stringify({
      architecture,
      os: "linux",
      created: "2026-01-01T00:00:00Z",
      config: {
        Env: options.environment ?? ["PATH=/usr/local/bin:/usr/bin", "PYTHON_VERSION=3.11.7", "LANG=C.UTF-8"],
        Cmd: ["python3"],
        User: "65534",
      },
      rootfs: { type: "layers", diff_ids: [digestOf(tar)] },
      history: [{ created: "2026-01-01T00:00:00Z", created_by: "base" }],
      "moby.unknown": { kept: true },
    }),
  );
  await pushBlob(to, repository, layer);
  await pushBlob(to, repository, config);
  const manifestType = isDocker ? manifestTypes[2] : manifestTypes[0];
  const manifest = Buffer.from(
    JSON.stringify(
      {
        schemaVersion: 2,
        mediaType: manifestType,
        config: {
          mediaType: isDocker
            ? "application/vnd.docker.container.image.v1+json"
            : "application/vnd.oci.image.config.v1+json",
          digest: digestOf(config),
          size: config.length,
        },
        layers: [
          {
            mediaType: isDocker
              ? "application/vnd.docker.image.rootfs.diff.tar.gzip"
              : "application/vnd.oci.image.layer.v1.tar+gzip",
            digest: digestOf(layer),
            size: layer.length,
          },
        ],
      },
      null,
      3, // as Docker writes it: bytes that no serializer of ours would give
    ),
  );
  if (!form.endsWith("-index") && !form.endsWith("-list"))
    return putManifest(to, repository, tag, manifestType, manifest);
  const child = await putManifest(to, repository, digestOf(manifest), manifestType, manifest);
  const indexType = isDocker ? manifestTypes[3] : manifestTypes[1];
  const entry = { mediaType: manifestType, digest: child, size: manifest.length };
  const index = {
    schemaVersion: 2,
    mediaType: indexType,
    manifests: [
      { ...entry, platform: { os: "unknown", architecture: "unknown" } },
      { ...entry, platform: { os: "linux", architecture, variant: "v8" } },
    ],
  };
  return putManifest(to, repository, tag, indexType, Buffer.from(JSON.stringify(index)));
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export async function pushBlob({ url, authorization }: Direct, repository: string, bytes: Buffer): Promise<void> {
  const begun = await fetch(`${url}/v2/${repository}/blobs/uploads/`, { method: "POST", headers: { authorization } });
  const location = new URL(begun.headers.get("location") ?? "", url);
  location.searchParams.set("digest", digestOf(bytes));
  const headers = { authorization, "content-type": "application/octet-stream" };
  const ended = await fetch(location, { method: "PUT", headers, body: new Uint8Array(bytes) });
  if (ended.status !== 201) throw new Error(`blob: ${ended.status} ${await ended.text()}`);
}

export async function putManifest(
  { url, authorization }: Direct,
  repository: string,
  reference: string,
  mediaType: string,
  bytes: Uint8Array,
): Promise<string> {
  const headers = { authorization, "content-type": mediaType };
  const path = `${url}/v2/${repository}/manifests/${reference}`;
  const answer = await fetch(path, { method: "PUT", headers, body: new Uint8Array(bytes) });
  if (answer.status !== 201) throw new Error(`manifest: ${answer.status} ${await answer.text()}`);
  return digestOf(bytes);
}

/** An image as a container engine would get it. */
export interface Pulled {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly config: {
    readonly architecture: string;
    readonly config: { readonly Env: readonly string[]; readonly WorkingDir?: string; readonly User?: string };
    readonly rootfs: { readonly diff_ids: readonly string[] };
    readonly history: readonly unknown[];
    readonly "moby.unknown"?: unknown;
  };
  readonly layers: readonly { readonly mediaType: string; readonly digest: string; readonly size: number }[];
}

/** Reads an image and checks every digest in it. @returns null when there is none of that name. */
export async function pull(
  { url, authorization }: Direct,
  repository: string,
  reference: string,
): Promise<Pulled | null> {
  const headers = { authorization, accept: manifestTypes.join(", ") };
  const answer = await fetch(`${url}/v2/${repository}/manifests/${reference}`, { headers });
  if (answer.status === 404) return null;
  const bytes = Buffer.from(await answer.arrayBuffer());
  const manifest = JSON.parse(bytes.toString()) as {
    readonly config: { readonly digest: string; readonly size: number };
    readonly layers: Pulled["layers"];
  };
  const blob = async ({ digest, size }: { readonly digest: string; readonly size: number }): Promise<Buffer> => {
    const got = await fetch(`${url}/v2/${repository}/blobs/${digest}`, { headers: { authorization } });
    const content = Buffer.from(await got.arrayBuffer());
    if (digestOf(content) !== digest || content.length !== size)
      throw new Error(`blob ${digest} is not what it should be`);
    return content;
  };
  const config = JSON.parse((await blob(manifest.config)).toString()) as Pulled["config"];
  for (const [index, layer] of manifest.layers.entries()) {
    const diffId = digestOf(gunzipSync(await blob(layer)));
    if (diffId !== config.rootfs.diff_ids[index]) throw new Error(`layer ${index} is not what the config says`);
  }
  const mediaType = answer.headers.get("content-type") ?? "";
  return { digest: digestOf(bytes), mediaType, bytes, config, layers: manifest.layers };
}

/** Unpacks one layer with the system's tar. @returns what is in it: mode and content by path. */
export async function unpack(
  from: Direct,
  repository: string,
  digest: string,
): Promise<Readonly<Record<string, string>>> {
  const { url, authorization } = from;
  const got = await fetch(`${url}/v2/${repository}/blobs/${digest}`, { headers: { authorization } });
  const folder = await folderFor("layer");
  const archive = join(folder, "archive.tar.gz");
  await writeFile(archive, Buffer.from(await got.arrayBuffer()));
  const root = join(folder, "root");
  await mkdir(root);
  const listed = (await run("tar", ["-tzvf", archive, "--numeric-owner", "--full-time"])).stdout;
  for (const line of listed.trimEnd().split("\n")) {
    if (!/^\S+ 0\/0 +\d+ 1980-01-02 00:00:00 /.test(line)) throw new Error(`neither owner 0 nor of 1980: ${line}`);
  }
  await run("tar", ["-xzpf", archive, "-C", root, "--no-same-owner"]);
  const found: Record<string, string> = {};
  const walk = async (path: string): Promise<void> => {
    for (const name of await readdir(join(root, path))) {
      const inside = join(path, name);
      const status = await lstat(join(root, inside));
      if (status.isDirectory()) await walk(inside);
      else if (status.isSymbolicLink()) found[inside] = `-> ${await readlink(join(root, inside))}`;
      else found[inside] = `${(status.mode & 0o777).toString(8)} ${await readFile(join(root, inside), "utf8")}`;
    }
  };
  await walk("");
  return found;
}

/** A wheel of the test: name, version, platform tag, and its files. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
  /** `py3-none-any` */
  readonly tag: string;
  readonly files: Readonly<Record<string, string>>;
  /** What it says that it needs, as `Requires-Dist` has it. */
  readonly requires?: readonly string[];
}

/** Pure Python, with a script of each kind. */
export const demoWheel: Wheel = {
  name: "demo-pkg",
  version: "1.0",
  tag: "py3-none-any",
  files: {
    "demo/__init__.py": "def main():\n    return 0\n",
    "demo_pkg-1.0.data/scripts/legacy": "#!python\nprint('legacy')\n",
    "{info}entry_points.txt": "[console_scripts]\ndemo = demo:main\n",
  },
};

/** Writes wheels into `folder/wheels`, and a lock file that finds them there. @returns the text of the lock file. */
export async function wheelhouse(folder: string, wheels: readonly Wheel[]): Promise<string> {
  const program = [
    "import base64, hashlib, io, json, os, sys, zipfile",
    "folder, wheels = sys.argv[1], json.load(sys.stdin)",
    "os.makedirs(folder, exist_ok=True)",
    "for w in wheels:",
    "    stem = w['name'].replace('-', '_') + '-' + w['version']",
    "    info = stem + '.dist-info/'",
    "    files = {**w['files'], info + 'METADATA': f\"Metadata-Version: 2.1\\nName: {w['name']}\\nVersion: {w['version']}\\n\" + ''.join(f\"Requires-Dist: {one}\\n\" for one in w.get('requires', [])) + '\\nRequires-Dist: of-the-description\\n',",
    "        info + 'WHEEL': f\"Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: false\\nTag: {w['tag']}\\n\"}",
    "    files = {k.replace('{info}', info): v for k, v in files.items()}",
    "    record = ''.join(f\"{k},sha256={base64.urlsafe_b64encode(hashlib.sha256(v.encode()).digest()).decode().rstrip('=')},{len(v.encode())}\\n\" for k, v in files.items()) + info + 'RECORD,,\\n'",
    "    path = os.path.join(folder, f\"{stem}-{w['tag']}.whl\")",
    "    with zipfile.ZipFile(path, 'w') as z:",
    "        for k, v in {**files, info + 'RECORD': record}.items():",
    "            z.writestr(zipfile.ZipInfo(k, (2020, 1, 1, 0, 0, 0)), v)",
    "    print(w['name'] + '==' + w['version'], '--hash=sha256:' + hashlib.sha256(open(path, 'rb').read()).hexdigest())",
  ].join("\n");
  const child = run("python3", ["-c", program, join(folder, "wheels")]);
  child.child.stdin?.end(JSON.stringify(wheels));
  const { stdout } = await child;
  const hashes = new Map<string, string[]>();
  for (const line of stdout.trimEnd().split("\n")) {
    const [pinned = "", hash = ""] = line.split(" ");
    hashes.set(pinned, [...(hashes.get(pinned) ?? []), hash]);
  }
  const lines = [...hashes].map(([pinned, all]) => [pinned, ...all.map((hash) => `    ${hash}`)].join(" \\\n"));
  return ["--no-index", "--find-links wheels", ...lines, ""].join("\n");
}
