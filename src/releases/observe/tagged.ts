import {
  isOptionalCallRefused,
  observeDigests,
  type SeenDigests,
  type ServiceObservation,
} from "../../deployments/index.ts";
import type { Before } from "../../domain/journal.ts";
import type { Release } from "../../domain/release.ts";
import type { Revision } from "../../domain/verdict.ts";
import type { Digest } from "../../domain/identifiers.ts";
import { type Hold, type ImageClients, observeHold } from "../../images/index.ts";
import type { Stack } from "../../stack/index.ts";
import type { Definition } from "../../task-definitions/definition.ts";
import { definitionOf } from "../../task-definitions/observe.ts";
import type { Clients } from "../connections.ts";
import { registryOf } from "../definitions.ts";
import { type Observation, replacedKey, successorOf, type TaggedImage } from "../observation.ts";

/**
 * What runs by a tag in services that no release has rolled yet, and in those that they replace: going back to them starts what the
 * tag names by then.
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
      if (current !== null && Object.hasOwn(current.taskDefinitions, `service/${key}`)) return [];
      const replaced = services[replacedKey(key)] ?? null;
      return [
        ...(await taggedIn(ecs, images, stack, key, services[key] ?? null, async () => {
          return definitions[`service/${key}`]?.running ?? null;
        })),
        ...(await taggedIn(ecs, images, stack, replacedKey(key), replaced, (revision) => definitionOf(ecs, revision))),
      ];
    }),
  );
  return found.flat();
}

async function taggedIn(
  ecs: Clients["ecs"],
  images: ImageClients,
  stack: Stack,
  key: string,
  service: ServiceObservation | null,
  read: (revision: Revision) => Promise<Definition | null>,
): Promise<readonly TaggedImage[]> {
  if (service === null || service.revision === null || service.runningCount === 0) return [];
  const named = imagesByTag(stack, await read(service.revision));
  if (named.length === 0) return [];
  const seen = await digestsOf(ecs, stack, service, service.revision);
  const holdOf = ({ repository }: Named, digest: Digest): Promise<Hold> | "foreign" =>
    isForeign(stack, key, repository) ? "foreign" : observeHold(images, { repository, digest });
  return Promise.all(
    named.map(async (one) => ({
      ...one,
      service: key,
      runs: await Promise.all(
        (seen[one.container] ?? []).map(async (digest) => ({ digest, hold: await holdOf(one, digest) })),
      ),
    })),
  );
}

/** What is not of the stack may run an image of a repository that is not, either: there this job's role has no rights, and gives no tags. */
function isForeign({ images }: Stack, key: string, repository: string): boolean {
  return successorOf(key) !== null && !Object.values(images).some((image) => image.repository === repository);
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

function imagesByTag(stack: Stack, definition: Definition | null): readonly Named[] {
  const containers = definition?.content["containerDefinitions"];
  const registry = `${registryOf(stack)}/`;
  return (Array.isArray(containers) ? containers : []).flatMap((written: unknown): readonly Named[] => {
    const { name, image } = Object(written) as { readonly name?: unknown; readonly image?: unknown };
    if (typeof name !== "string" || typeof image !== "string") return [];
    if (!image.startsWith(registry) || image.includes("@")) return [];
    return [{ container: name, reference: image, repository: image.slice(registry.length).replace(/:.*$/, "") }];
  });
}
