import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { type Base, readBase } from "./base.ts";
import { downloadBlob, hasBlob, mountBlob, readBlob, uploadBlob } from "./blobs.ts";
import type { ImageClients } from "./clients.ts";
import { dependenciesImage } from "./compose.ts";
import { dependenciesKey, type Inputs } from "./content-key.ts";
import { buildLayer } from "./layer.ts";
import type { Lock } from "./lock.ts";
import { type Descriptor, type Image, readConfig, readManifest, type StoredManifest } from "./manifest.ts";
import { getManifest, putManifest } from "./manifests.ts";
import { readPackages } from "./packages.ts";
import type { Registry } from "./registry.ts";
import type { ImageRequest } from "./request.ts";
import { inScratch } from "./scratch.ts";
import { installWheels } from "./wheels.ts";

/** Base and packages as one image, kept under a tag of its own: a change of code finds it and adds one small layer. */
export interface DependenciesRequest {
  readonly request: ImageRequest;
  readonly inputs: Inputs;
  readonly base: Base;
  readonly lock: Lock | null;
}

/** Looks the image up: two small requests. @returns null when it has not been made yet. */
export async function findDependencies(registry: Registry, repository: string, inputs: Inputs): Promise<Image | null> {
  const found = await getManifest(registry, repository, tagOf(inputs));
  return found.kind === "found" ? readImage(registry, repository, found.manifest) : null;
}

/**
 * Makes the image and pushes it. When somebody else has made it meanwhile, his counts.
 * @throws UserError for a base or packages that cannot be had for this platform.
 */
export async function makeDependencies(
  clients: ImageClients,
  context: Context,
  { request, inputs, base, lock }: DependenciesRequest,
): Promise<Image> {
  const { registry } = clients;
  const { repository, platform } = request;
  context.report({
    kind: "line",
    text: `Putting ${base.reference} and the packages together, once for this lock file`,
  });
  const baseImage = await readBase(base, platform);
  return inScratch(clients.scratch, async (folder) => {
    const blobs = [...baseImage.manifest.layers, baseImage.manifest.config];
    for (const blob of blobs) await bringBlob(clients, context, { base, repository, blob, folder });

    let image: Image = baseImage;
    if (lock !== null) {
      const target = { platform, python: pythonOf(request, baseImage) };
      const wheels = join(folder, "wheels");
      await mkdir(wheels);
      const file = request.requirements ?? "requirements";
      const { root } = request;
      const installed = await installWheels(context, { image: repository, lock, file, root, target, folder: wheels });
      if (installed !== null) {
        const entries = await readPackages(installed);
        const layer = await buildLayer(entries, { kind: "file", path: join(folder, "layer") }, context.signal);
        await uploadBlob(registry, repository, layer, { ask: true });
        const made = dependenciesImage(baseImage, layer);
        const config = {
          digest: made.manifest.config.digest,
          content: { kind: "memory", bytes: made.configBytes } as const,
        };
        await uploadBlob(registry, repository, config, { ask: false });
        image = made;
      }
    }
    await putManifest(registry, repository, image.stored.digest, image.stored);
    const put = await putManifest(registry, repository, tagOf(inputs), image.stored);
    if (put.kind !== "taken") return image;
    const winner = await findDependencies(registry, repository, inputs);
    return winner ?? image;
  });
}

/** Reads an image of which we have the manifest. */
export async function readImage(registry: Registry, repository: string, stored: StoredManifest): Promise<Image> {
  const manifest = readManifest(stored);
  return { stored, manifest, config: readConfig(await readBlob(registry, repository, manifest.config)) };
}

function tagOf(inputs: Inputs): string {
  return `deps-${dependenciesKey(inputs)}`;
}

/** Into the image's own repository: there already, linked from its neighbour, or through this machine. */
async function bringBlob(
  { registry }: ImageClients,
  { signal, report }: Context,
  from: { readonly base: Base; readonly repository: string; readonly blob: Descriptor; readonly folder: string },
): Promise<void> {
  const { base, repository, blob, folder } = from;
  if (await hasBlob(registry, repository, blob.digest)) return;
  const isNeighbour = base.registry === registry;
  if (isNeighbour && (await mountBlob(registry, repository, base.repository, blob.digest))) return;
  report({ kind: "line", text: `Copying ${blob.digest.slice(0, 19)} of ${base.reference}, ${blob.size} bytes` });
  const file = join(folder, "blob");
  const content = await downloadBlob(base.registry, base.repository, blob, file, signal);
  await uploadBlob(registry, repository, content, { ask: false });
  await rm(file);
}

/** @throws UserError when neither the request nor the base says it, or they contradict each other. */
function pythonOf({ python, base, requirements }: ImageRequest, { config }: Image): string {
  const said = config.config?.Env?.find((line) => line.startsWith("PYTHON_VERSION="))?.slice("PYTHON_VERSION=".length);
  const ofBase = /^\d+\.\d+(\.\d+)?/.exec(said ?? "")?.[0] ?? null;
  if (python === null && ofBase === null) {
    throw new UserError({
      what: `Nobody says which Python ${base} has, and so which packages it needs.`,
      where: requirements ?? base,
      fix: "Set python: to its version, 3.12 for example.",
    });
  }
  if (python !== null && ofBase !== null && !`${ofBase}.`.startsWith(`${python}.`)) {
    throw new UserError({
      what: `${base} has Python ${ofBase}, and the packages are asked for Python ${python}.`,
      where: "python",
      fix: "Leave python: out, or set it to the base's version.",
    });
  }
  return ofBase ?? python ?? "";
}
