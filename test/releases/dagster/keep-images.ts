import { createReadStream, existsSync } from "node:fs";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { registryPassword } from "../../local-aws/gateway/callers.ts";
import { pushBlob, putManifest, type Repository } from "../../local-aws/infrastructure/push.ts";
import * as z from "zod";

const tagsSchema = z.array(z.object({ tag: z.string(), mediaType: z.string(), manifest: z.string() }));
const manifestSchema = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string() })),
});

/** Puts images back that {@link keepImages} has kept in the folder. */
export async function putBack(to: Repository, folder: string): Promise<void> {
  const list = join(folder, "tags.json");
  if (!existsSync(list)) return;
  const tags = tagsSchema.parse(JSON.parse(await readFile(list, "utf8")));
  for (const digest of new Set(tags.flatMap(({ manifest }) => blobsOf(manifest)))) {
    const file = fileOf(folder, digest);
    await pushBlob(to, digest, (await stat(file)).size, () => createReadStream(file));
  }
  for (const { tag, mediaType, manifest } of tags) await putManifest(to, tag, mediaType, Buffer.from(manifest));
}

/** Keeps every image of a repository, under these tags. */
export async function keepImages(from: Repository, tags: readonly string[], folder: string): Promise<void> {
  const kept = await Promise.all(
    tags.map(async (tag) => {
      const answer = await get(from, `manifests/${tag}`);
      return { tag, mediaType: answer.headers.get("content-type") ?? "", manifest: await answer.text() };
    }),
  );
  for (const digest of new Set(kept.flatMap(({ manifest }) => blobsOf(manifest)))) {
    if (existsSync(fileOf(folder, digest))) continue;
    const answer = await get(from, `blobs/${digest}`);
    await write(fileOf(folder, digest), Buffer.from(await answer.arrayBuffer()));
  }
  await write(join(folder, "tags.json"), Buffer.from(JSON.stringify(kept)));
}

function blobsOf(manifest: string): readonly string[] {
  const { config, layers } = manifestSchema.parse(JSON.parse(manifest));
  return [config, ...layers].map(({ digest }) => digest);
}

function fileOf(folder: string, digest: string): string {
  return join(folder, digest.replace(":", "-"));
}

/** Whole, or not at all. */
async function write(file: string, content: Buffer): Promise<void> {
  const own = `${file}.${process.pid}`;
  await mkdir(dirname(file), { recursive: true });
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
