import {
  isOptionalCallRefused,
  observeDigests,
  type SeenDigests,
  type ServiceObservation,
} from "../../deployments/index.ts";
import type { Before } from "../../domain/journal.ts";
import type { Release } from "../../domain/release.ts";
import type { Revision } from "../../domain/verdict.ts";
import { type ImageClients, observeHold } from "../../images/index.ts";
import type { Stack } from "../../stack/index.ts";
import type { Clients } from "../connections.ts";
import { registryOf } from "../definitions.ts";
import type { KnownDefinition, Observation, TaggedImage } from "../observation.ts";

/**
 * What runs by a tag in services that no release has rolled yet: going back to them starts what the tag names by then.
 * @param current null before the first release
 * @throws AwsError, UserError
 */
export async function observeTagged(
  { ecs }: Pick<Clients, "ecs">,
  images: ImageClients,
  stack: Stack,
  { services, definitions }: Pick<Observation, "services" | "definitions">,
  current: Release | null,
): Promise<readonly TaggedImage[]> {
  const found = await Promise.all(
    Object.keys(stack.services).map(async (key): Promise<readonly TaggedImage[]> => {
      const service = services[key] ?? null;
      const definition = `service/${key}`;
      if (service === null || service.revision === null || service.runningCount === 0) return [];
      if (current !== null && Object.hasOwn(current.taskDefinitions, definition)) return [];
      const named = imagesByTag(stack, definitions[definition]);
      if (named.length === 0) return [];
      const seen = await digestsOf(ecs, stack, service, service.revision);
      return Promise.all(
        named.map(async (one) => ({
          ...one,
          service: key,
          runs: await Promise.all(
            (seen[one.container] ?? []).map(async (digest) => {
              const hold = await observeHold(images, { repository: one.repository, digest });
              return { digest, hold };
            }),
          ),
        })),
      );
    }),
  );
  return found.flat();
}

/** What services were before, with what they ran: a tag may name something else when they go back. */
export function withDigests(before: Observation["before"], tagged: readonly TaggedImage[]): Observation["before"] {
  return Object.fromEntries(
    Object.entries(before).map(([key, known]): [string, Before] => {
      const digests = tagged.flatMap(({ service, container, runs: [only, ...others] }) =>
        service === key && only !== undefined && others.length === 0 ? [[container, only.digest] as const] : [],
      );
      return [key, digests.length === 0 ? known : { ...known, digests: Object.fromEntries(digests) }];
    }),
  );
}

/** Empty where it is not known: roles that only plan, or make images, may not be allowed to ask. */
async function digestsOf(
  ecs: Clients["ecs"],
  { contract: { cluster } }: Stack,
  service: ServiceObservation,
  revision: Revision,
): Promise<SeenDigests> {
  try {
    return await observeDigests(ecs, cluster, service, revision);
  } catch (error) {
    if (isOptionalCallRefused(error)) return {};
    throw error;
  }
}

type Named = Pick<TaggedImage, "container" | "reference" | "repository">;

function imagesByTag(stack: Stack, definition: KnownDefinition | undefined): readonly Named[] {
  const containers = definition?.running?.content["containerDefinitions"];
  const registry = `${registryOf(stack)}/`;
  return (Array.isArray(containers) ? containers : []).flatMap((written: unknown): readonly Named[] => {
    const { name, image } = Object(written) as { readonly name?: unknown; readonly image?: unknown };
    if (typeof name !== "string" || typeof image !== "string") return [];
    if (!image.startsWith(registry) || image.includes("@")) return [];
    return [{ container: name, reference: image, repository: image.slice(registry.length).replace(/:.*$/, "") }];
  });
}
