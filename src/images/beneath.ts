import { readDockerfile, type DockerfileRequest } from "./docker/dockerfile.ts";
import { parseReference } from "./reference.ts";

/** What an image is built upon: an image by its reference, or a Dockerfile with its text. */
export type Beneath =
  | { readonly kind: "image"; readonly reference: string; readonly where: string }
  | ({ readonly kind: "dockerfile"; readonly text: string } & DockerfileRequest);

/**
 * Repositories of the stack's own registry that an image is built upon.
 * @param registry its host
 * @throws UserError for a reference that is none, and a Dockerfile that cannot be read
 */
export function repositoriesBeneath(beneath: Beneath, registry: string): readonly string[] {
  if (beneath.kind === "image") {
    const { host, repository } = parseReference(beneath.reference, beneath.where);
    return host === null || host === registry ? [repository] : [];
  }
  // Without a host, a Dockerfile means Docker's registry.
  return readDockerfile(beneath.text, beneath).flatMap(({ reference }) =>
    reference.startsWith(`${registry}/`) ? [parseReference(reference, beneath.file).repository] : [],
  );
}
