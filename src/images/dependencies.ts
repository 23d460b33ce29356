import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import { type BaseSystem, systemOf } from "./base-files.ts";
import { type Base, readBase } from "./base.ts";
import { downloadBlob, hasBlob, mountBlob, readBlob, uploadBlob } from "./blobs.ts";
import { compilePackages, findInterpreter, minorOf } from "./byte-code.ts";
import { type ImageClients, once } from "./clients.ts";
import { dependenciesImage } from "./compose.ts";
import { dependenciesKey, type Inputs } from "./content-key.ts";
import { buildArchive } from "../files/archive.ts";
import { libraryFindings } from "./libraries.ts";
import { packageFindings } from "./package-findings.ts";
import { type BaseListing, findListing, keepListing, listBase } from "./list-base.ts";
import type { Lock } from "./lock.ts";
import { type Descriptor, type Image, readConfig, readManifest, type StoredManifest } from "./manifest.ts";
import { getManifest, putManifest } from "./manifests.ts";
import { keepYoungGeneration } from "../programs/young-generation.ts";
import { readPackages } from "./packages.ts";
import type { Registry } from "./registry.ts";
import type { ImageRequest } from "./request.ts";
import { inScratch } from "./scratch.ts";
import { recordSizes, sizesLabel } from "./sizes.ts";
import { surveyPackages } from "./survey.ts";
import { installWheels } from "./wheels.ts";

/** Base and packages as one image, kept under a tag of its own: a change of code finds it and adds one small layer. */
export interface DependenciesRequest {
  readonly request: ImageRequest;
  readonly inputs: Inputs;
  readonly base: Base;
  readonly lock: Lock | null;
  /** Told what is wrong with the packages before anything of them is pushed: throws when it is not to be. */
  readonly weigh: (finding: Finding) => void;
}

/**
 * Looks the image up: two small requests. One whose packages are not compiled counts as long as this job could not compile them either.
 * @returns null when it is to be made
 */
export async function findDependencies(
  registry: Registry,
  { repository, root }: Pick<ImageRequest, "repository" | "root">,
  inputs: Inputs,
): Promise<Image | null> {
  const compiled = await findImage(registry, repository, tagOf(inputs, true));
  if (compiled !== null || inputs.requirements === null) return compiled;
  const plain = await findImage(registry, repository, tagOf(inputs, false));
  const python = plain?.config.config?.Labels?.[notCompiledLabel];
  return python !== undefined && (await findInterpreter(python, root)) === null ? plain : null;
}

async function findImage(registry: Registry, repository: string, tag: string): Promise<Image | null> {
  const found = await getManifest(registry, repository, tag);
  return found.kind === "found" ? readImage(registry, repository, found.manifest) : null;
}

/** The label of an image whose packages are not compiled: for which Python they would be. */
const notCompiledLabel = "dagster-ecs.not-compiled";

/**
 * Makes the image and pushes it. When somebody else has made it meanwhile, his counts.
 * @throws UserError for a base or packages that cannot be had for this platform.
 */
export async function makeDependencies(
  clients: ImageClients,
  context: Context,
  request: DependenciesRequest,
): Promise<Image> {
  const name = `${request.request.repository}:${tagOf(request.inputs, true)}`;
  return once(clients.making, name, () => putTogether(clients, context, request));
}

async function putTogether(
  clients: ImageClients,
  context: Context,
  { request, inputs, base, lock, weigh }: DependenciesRequest,
): Promise<Image> {
  const { registry } = clients;
  const { repository, platform } = request;
  context.report({
    kind: "line",
    text: `Putting ${base.reference} and the packages together, once for this lock file`,
  });
  const baseImage = await readBase(base, platform);
  keepYoungGeneration(); // ten thousands of files are listed, read and packed
  return inScratch(clients.scratch, async (folder) => {
    const known = lock === null ? null : await findListing(registry, repository, baseImage);
    const listing = lock === null || known !== null ? null : listBase();
    for (const blob of baseImage.manifest.layers) {
      await bringBlob(clients, context, { base, repository, blob, folder, listing });
    }
    await bringBlob(clients, context, { base, repository, blob: baseImage.manifest.config, folder, listing: null });

    let image: Image = baseImage;
    let isCompiled = true;
    if (lock !== null) {
      const files = known ?? listing?.files() ?? null;
      const system = files === null ? unknownSystem : systemOf(files, platform, libraryPathOf(baseImage));
      const target = { platform, python: pythonOf(request, baseImage, system) };
      const wheels = join(folder, "wheels");
      await mkdir(wheels);
      const file = request.requirements ?? "requirements";
      const { root } = request;
      const { libc } = system;
      const installed = await installWheels(context, {
        image: repository,
        lock,
        file,
        root,
        target,
        libc,
        folder: wheels,
      });
      if (installed !== null) {
        context.report({
          kind: "line",
          text: `${repository}: compiling what is installed, and packing it into a layer`,
        });
        const survey = await surveyPackages(installed);
        const on = { platform, base: base.reference };
        for (const finding of libraryFindings(survey.objects, survey.names, system, on)) weigh(finding);
        for (const finding of packageFindings(survey, target.python)) weigh(finding);
        const whyNot = await compilePackages(context, installed, target.python);
        isCompiled = whyNot === null;
        if (whyNot !== null) weigh(notCompiled(whyNot, target.python));
        const entries = await readPackages(installed);
        const layer = await buildArchive(entries, { kind: "file", path: join(folder, "layer") }, context.signal);
        if (files !== null && known === null) await keepListing(registry, repository, baseImage, files, context.signal);
        await uploadBlob(registry, repository, layer, { ask: true });
        const made = dependenciesImage(baseImage, layer, {
          [sizesLabel]: recordSizes(entries, survey.owners),
          ...(isCompiled ? {} : { [notCompiledLabel]: minorOf(target.python) }),
        });
        const config = {
          digest: made.manifest.config.digest,
          content: { kind: "memory", bytes: made.configBytes } as const,
        };
        await uploadBlob(registry, repository, config, { ask: false });
        image = made;
      }
    }
    await putManifest(registry, repository, image.stored.digest, image.stored);
    const tag = tagOf(inputs, isCompiled);
    const put = await putManifest(registry, repository, tag, image.stored);
    return put.kind === "taken" ? ((await findImage(registry, repository, tag)) ?? image) : image;
  });
}

/** Reads an image of which we have the manifest. */
export async function readImage(registry: Registry, repository: string, stored: StoredManifest): Promise<Image> {
  const manifest = readManifest(stored);
  return { stored, manifest, config: readConfig(await readBlob(registry, repository, manifest.config)) };
}

function tagOf(inputs: Inputs, isCompiled: boolean): string {
  return `deps-${dependenciesKey(inputs)}${isCompiled ? "" : "-source"}`;
}

/** Into the image's own repository: there already, linked from its neighbour, or through this machine. */
async function bringBlob(
  { registry }: ImageClients,
  { signal, report }: Context,
  from: {
    readonly base: Base;
    readonly repository: string;
    readonly blob: Descriptor;
    readonly folder: string;
    /** Where what is in it is listed; null when nobody wants to know. */
    readonly listing: BaseListing | null;
  },
): Promise<void> {
  const { base, repository, blob, folder, listing } = from;
  const isThere =
    (await hasBlob(registry, repository, blob.digest)) ||
    (base.registry === registry && (await mountBlob(registry, repository, base.repository, blob.digest)));
  if (isThere && listing === null) return;
  const verb = isThere ? "Reading" : "Copying";
  report({ kind: "line", text: `${verb} ${blob.digest.slice(0, 19)} of ${base.reference}, ${blob.size} bytes` });
  const file = join(folder, "blob");
  const content = await downloadBlob(base.registry, base.repository, blob, file, signal);
  if (!isThere) await uploadBlob(registry, repository, content, { ask: false });
  await listing?.add(file, blob.mediaType);
  await rm(file);
}

/** LD_LIBRARY_PATH of a base's containers. */
function libraryPathOf({ config }: Image): string {
  return config.config?.Env?.find((line) => line.startsWith("LD_LIBRARY_PATH="))?.replace(/^[^=]*=/, "") ?? "";
}

const unknownSystem: BaseSystem = { libc: null, pythons: [], libraries: new Set() };

function notCompiled(why: string, python: string): Finding {
  return {
    id: "byte-code",
    level: "notice",
    where: "the PATH of this job",
    what: `The packages are not compiled: every start of a container does it again, about two seconds of CPU for Dagster. ${why}`,
    fix: `Put actions/setup-python with python-version "${minorOf(python)}" before this step. The next image that is made is then laid upon compiled packages.`,
    source: "https://peps.python.org/pep-0552/",
  };
}

/** @throws UserError when neither the request nor the base says it, or they contradict each other. */
function pythonOf({ python, base, requirements }: ImageRequest, { config }: Image, { pythons }: BaseSystem): string {
  const said = config.config?.Env?.find((line) => line.startsWith("PYTHON_VERSION="))?.slice("PYTHON_VERSION=".length);
  const only = pythons.length === 1 ? pythons[0] : undefined;
  const ofBase = /^\d+\.\d+(\.\d+)?/.exec(said ?? "")?.[0] ?? only ?? null;
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
