import type { Digest, Platform } from "../../domain/identifiers.ts";
import { isOfPush } from "./explain.ts";
import type { BuildSecret } from "./request.ts";

/** One build, as buildx is told it. */
export interface Build {
  readonly builder: string | null;
  readonly platform: Platform;
  /** Path of the Dockerfile that is built: a copy, with its ignore file beside it. */
  readonly dockerfile: string;
  /** Folder that is sent. */
  readonly context: string;
  readonly target: string | null;
  readonly arguments: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, BuildSecret>>;
  /** Images that the stages take, at the digests by which the content key knows them. */
  readonly images: Readonly<Record<string, Digest>>;
  readonly labels: Readonly<Record<string, string>>;
  /** `host/repository` */
  readonly destination: string;
  /** Tag of the destination. */
  readonly cacheTag: string | null;
  readonly cacheFrom: readonly string[];
  readonly cacheTo: readonly string[];
  readonly noCache: boolean;
  readonly provenance: "off" | "min" | "max";
  /** Where buildx writes what it has made. */
  readonly metadata: string;
}

/**
 * The arguments of `docker`. Values of secrets are not among them: everybody on the machine can read a command line.
 *
 * - The image is pushed by its digest and gets no tag: a tag is a claim, and made when the image is known to be good.
 * - `mode=max` keeps the layers of all stages. ECR takes a cache only as an image of OCI's kind
 *   (https://github.com/aws/containers-roadmap/issues/876), and a cache that cannot be written does not fail a build.
 * - Without provenance an image of one platform is one manifest. With it the registry gets an index, which scans of ECR do not take;
 *   and not in the newest form, which ECR has refused (https://github.com/moby/buildkit/issues/6171).
 */
export function buildxArguments(build: Build): readonly string[] {
  const { builder, platform, dockerfile, context, target, destination, cacheTag, provenance, metadata } = build;
  const cache = cacheTag === null ? null : `type=registry,ref=${destination}:${cacheTag}`;
  return [
    "buildx",
    "build",
    ...(builder === null ? [] : ["--builder", builder]),
    "--progress",
    "plain",
    "--platform",
    platform,
    "--file",
    dockerfile,
    ...(target === null ? [] : ["--target", target]),
    ...each(build.arguments, (name, value) => ["--build-arg", `${name}=${value}`]),
    ...each(build.secrets, (id, secret) => ["--secret", secretOption(id, secret)]),
    ...each(build.images, (reference, digest) => ["--build-context", pinned(reference, digest)]),
    ...each(build.labels, (name, value) => ["--label", `${name}=${value}`]),
    ...[...(cache === null ? [] : [cache]), ...build.cacheFrom].flatMap((from) => ["--cache-from", from]),
    ...[...(cache === null ? [] : [`${cache},${cacheForm}`]), ...build.cacheTo].flatMap((to) => ["--cache-to", to]),
    ...(build.noCache ? ["--no-cache"] : []),
    ...(provenance === "off" ? ["--provenance=false"] : [`--provenance=mode=${provenance}`]),
    "--sbom=false",
    "--metadata-file",
    metadata,
    "--output",
    `type=image,name=${destination},push=true,push-by-digest=true,name-canonical=true,oci-mediatypes=true${provenance === "off" ? "" : ",oci-artifact=false"}`,
    context,
  ];
}

/**
 * The build that follows one which a registry has refused. When that was its push, the builder's cache holds all that it has made anew,
 * and nothing older is taken before it.
 * @param errors of the one before
 */
export function again(build: Build, errors: string): Build {
  return { ...build, noCache: build.noCache && !isOfPush(errors) };
}

const cacheForm = "mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true";

function each<T>(
  values: Readonly<Record<string, T>>,
  show: (name: string, value: T) => readonly string[],
): readonly string[] {
  return Object.entries(values)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, value]) => show(name, value));
}

function secretOption(id: string, secret: BuildSecret): string {
  return secret.kind === "variable" ? `id=${id},env=${secret.name}` : `id=${id},${csvField(`src=${secret.path}`)}`;
}

/** buildx reads such options as a line of CSV. */
function csvField(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What a stage calls `python:3.12` is this image of that name, although the tag may have moved since it was looked up. */
function pinned(reference: string, digest: Digest): string {
  return `${reference}=docker-image://${reference.replace(/@.*$/, "")}@${digest}`;
}
