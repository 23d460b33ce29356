import { UserError } from "../domain/errors.ts";
import { type Digest, digestSchema } from "../domain/identifiers.ts";

/** An image as people write it. */
export interface ImageReference {
  /** Null: a repository of the stack's own registry. */
  readonly host: string | null;
  readonly repository: string;
  readonly tag: string | null;
  readonly digest: Digest | null;
}

/**
 * Reads `repository[:tag][@digest]`, with a host before it or not. As Docker has it, the first part is a host when it holds a dot or
 * a colon, or is `localhost`. Unlike Docker's, a name without a host is no Docker Hub image: those are written `docker.io/…`.
 *
 * @param where the place of the reference in the user's files, for the error.
 * @throws UserError
 */
export function parseReference(text: string, where: string): ImageReference {
  const [, name = "", tag = null, digest = null] = /^([^@]+?)(?::([^/:@]*))?(?:@(.*))?$/.exec(text) ?? [];
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  const hasHost = /[.:]/.test(first) || first === "localhost";
  const host = hasHost ? first : null;
  const repository = hasHost ? name.slice(slash + 1) : name;
  const parsedDigest = digest === null ? null : digestSchema.safeParse(digest);
  if (
    !repositoryPattern.test(repository) ||
    (host !== null && !hostPattern.test(host)) ||
    (tag !== null && !tagPattern.test(tag)) ||
    parsedDigest?.success === false
  ) {
    throw new UserError({
      what: `${JSON.stringify(text)} does not name an image.`,
      where,
      fix: "Write repository:tag or repository@sha256:… for the stack's own registry, and host/repository:tag for another one.",
    });
  }
  const full = host === "docker.io" && !repository.includes("/") ? `library/${repository}` : repository;
  return { host, repository: full, tag, digest: parsedDigest?.data ?? null };
}

/** What a registry is asked for: the digest, else the tag, else `latest`, as Docker has it. */
export function wanted({ tag, digest }: ImageReference): string {
  return digest ?? tag ?? "latest";
}

/** Where the registry of a host answers. Loopback speaks plain HTTP, as with Docker. */
export function endpointOf(host: string): string {
  const name = host === "docker.io" ? "registry-1.docker.io" : host;
  return `${/^(localhost|127(\.\d{1,3}){3})(:|$)/.test(name) ? "http" : "https"}://${name}`;
}

const hostPattern = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?$/;
const repositoryPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
