import { createReadStream, existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { registryPassword } from "../../local-aws/gateway/callers.ts";
import { pushBlob, putManifest, type Repository } from "../../local-aws/infrastructure/push.ts";

const tagSchema = z.object({ mediaType: z.string(), manifest: z.string() });
const tagsSchema = z.object({ tags: z.array(z.string()).nullish() });
const manifestSchema = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string() })),
});

/** Puts images back that {@link keepImages} has kept in the folder. */
export async function putBack(to: Repository, folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  for (const name of await readdir(folder)) {
    if (!name.endsWith(ending)) continue;
    const { mediaType, manifest } = tagSchema.parse(JSON.parse(await readFile(join(folder, name), "utf8")));
    for (const digest of blobsOf(manifest)) {
      const file = fileOf(folder, digest);
      await pushBlob(to, digest, (await stat(file)).size, () => createReadStream(file));
    }
    await putManifest(to, name.slice(0, -ending.length), mediaType, Buffer.from(manifest));
  }
}

/** Keeps images of a repository, by their tags; others may keep theirs there at the same time. Those that are kept already stay. */
export async function keepImages(from: Repository, wants: (tag: string) => boolean, folder: string): Promise<void> {
  const { tags } = tagsSchema.parse(await (await get(from, "tags/list?n=1000")).json());
  for (const tag of (tags ?? []).filter(wants)) {
    const list = join(folder, `${tag}${ending}`);
    if (existsSync(list)) continue;
    const answer = await get(from, `manifests/${tag}`);
    const manifest = await answer.text();
    for (const digest of blobsOf(manifest)) {
      if (existsSync(fileOf(folder, digest))) continue;
      const blob = await get(from, `blobs/${digest}`);
      await write(folder, fileOf(folder, digest), Buffer.from(await blob.arrayBuffer()));
    }
    // Last: what is named is there.
    const kept = { mediaType: answer.headers.get("content-type") ?? "", manifest };
    await write(folder, list, Buffer.from(JSON.stringify(kept)));
  }
}

const ending = ".image.json";

function blobsOf(manifest: string): readonly string[] {
  const { config, layers } = manifestSchema.parse(JSON.parse(manifest));
  return [config, ...layers].map(({ digest }) => digest);
}

function fileOf(folder: string, digest: string): string {
  return join(folder, digest.replace(":", "-"));
}

/** Whole, or not at all. */
async function write(folder: string, file: string, content: Buffer): Promise<void> {
  const own = `${file}.${process.pid}`;
  await mkdir(folder, { recursive: true });
  await writeFile(own, content);
  await rename(own, file);
}

async function get({ registry, repository }: Repository, path: string): Promise<Response> {
  const password = Buffer.from(`AWS:${registryPassword("infrastructure")}`).toString("base64");
  const response = await fetch(`${registry}/v2/${repository}/${path}`, {
    headers: { authorization: `Basic ${password}`, accept: "application/vnd.oci.image.manifest.v1+json" },
  });
  if (!response.ok) throw new Error(`registry: ${response.status} for ${path}`);
  return response;
}
