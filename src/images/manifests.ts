import type { Digest } from "../domain/identifiers.ts";
import { digestSchema } from "../domain/identifiers.ts";
import { digestOf, manifestTypes, type StoredManifest } from "./manifest.ts";
import { adviseOn, readRefusal } from "./refusal.ts";
import { type Registry, send } from "./registry.ts";
import { bytesOf, textOf } from "./transport.ts";

/** What a registry has under a name. */
export type Lookup =
  | { readonly kind: "found"; readonly manifest: StoredManifest }
  | { readonly kind: "no-image" }
  | { readonly kind: "no-repository" };

/**
 * Reads a manifest, byte for byte.
 * @throws Error when its bytes are not what its digest says.
 */
export async function getManifest(from: Registry, repository: string, reference: string): Promise<Lookup> {
  return send(
    from,
    { method: "GET", path: manifestPath(repository, reference), headers: { accept }, expect: [200, 404] },
    async (answer) => {
      if (answer.status === 404) {
        return { kind: readRefusal(await textOf(answer)).code === "NAME_UNKNOWN" ? "no-repository" : "no-image" };
      }
      const bytes = await bytesOf(answer);
      const digest = digestOf(bytes);
      const said = answer.header("docker-content-digest") ?? digest;
      for (const expected of reference.startsWith("sha256:") ? [said, reference] : [said]) {
        if (digest !== expected) throw new Error(`${repository}: a manifest that should be ${expected} is ${digest}`);
      }
      const mediaType = answer.header("content-type") ?? "";
      return { kind: "found", manifest: { digest, mediaType, bytes } };
    },
  );
}

/** The digest behind a name; null when there is none. */
export async function headManifest(from: Registry, repository: string, reference: string): Promise<Digest | null> {
  const said = await send(
    from,
    { method: "HEAD", path: manifestPath(repository, reference), headers: { accept }, expect: [200, 404] },
    ({ status, header }) => (status === 404 ? null : (header("docker-content-digest") ?? "")),
  );
  if (said === null) return null;
  const parsed = digestSchema.safeParse(said);
  if (parsed.success) return parsed.data;
  const found = await getManifest(from, repository, reference); // the header is optional in the protocol
  return found.kind === "found" ? found.manifest.digest : null;
}

/**
 * - `stored`: the name is the manifest's now, or was already.
 * - `taken`: the name is another manifest's, and does not move.
 * - `full`: the image is there, and has as many names as the registry allows.
 */
export type Put =
  | { readonly kind: "stored" }
  | { readonly kind: "taken"; readonly by: Digest }
  | { readonly kind: "full" };

/**
 * Puts a manifest under a name.
 * @throws Error when the registry stored something else than it was sent, UserError when it refuses.
 */
export async function putManifest(
  to: Registry,
  repository: string,
  reference: string,
  { digest, mediaType, bytes }: StoredManifest,
): Promise<Put> {
  const path = manifestPath(repository, reference);
  const headers = { "content-type": mediaType };
  const expect = [201, 400, 403, 405, 409];
  const body = { kind: "memory", bytes } as const;
  const said = await send(to, { method: "PUT", path, headers, body, expect }, async (answer) => {
    if (answer.status === 201) return { stored: answer.header("docker-content-digest") };
    return { status: answer.status, ...readRefusal(await textOf(answer)) };
  });
  if ("stored" in said) {
    const stored = said.stored ?? (await headManifest(to, repository, reference));
    if (stored === digest) return { kind: "stored" };
    throw new Error(`${repository}:${reference} holds ${stored ?? "nothing"} after ${digest} was put there`);
  }
  const { status, code, message } = said;
  // ECR: 400 TAG_INVALID, "The image tag … already exists … and cannot be overwritten because the tag is immutable."
  // It may say so of the same manifest, too: https://github.com/aws/containers-roadmap/issues/2380
  if (/already exists|immutable/i.test(message)) {
    const behind = await headManifest(to, repository, reference);
    if (behind !== null) return behind === digest ? { kind: "stored" } : { kind: "taken", by: behind };
  }
  // 1,000 tags an image, and 100,000 images a repository: https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
  if (/limit ?exceeded|would have exceeded|maximum number/i.test(message)) {
    if ((await headManifest(to, repository, digest)) === digest) return { kind: "full" };
  }
  throw adviseOn({ endpoint: to.endpoint, method: "PUT", path, status, code });
}

const accept = manifestTypes.join(", ");

function manifestPath(repository: string, reference: string): string {
  return `/v2/${repository}/manifests/${reference}`;
}
