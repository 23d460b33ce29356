import { observeDigests, observeServices } from "../deployments/index.ts";
import { showPlace, UserError } from "../domain/errors.ts";
import type { Digest } from "../domain/identifiers.ts";
import type { Clients } from "../releases/connections.ts";
import { registryOf } from "../releases/definitions.ts";
import type { Service, Stack } from "../stack/index.ts";
import type { Definition } from "../task-definitions/definition.ts";
import { containerIn } from "../task-definitions/existing.ts";
import { definitionOf } from "../task-definitions/observe.ts";

/** What a service of a stack runs. */
export interface RunningDefinition {
  readonly definition: Definition;
  /** Digests of its containers that run an image of this account's registry, by name. */
  readonly digests: Readonly<Record<string, Digest>>;
  /** Of the container that Dagster runs in. */
  readonly digest: Digest;
}

/**
 * Reads what each service runs, every image by its digest, also where its definition names a tag.
 * @returns by key
 * @throws UserError when a service is not there, or it is not known which image it runs; AwsError
 */
export async function readRunning(
  { ecs }: Pick<Clients, "ecs">,
  stack: Stack,
): Promise<Readonly<Record<string, RunningDefinition>>> {
  const { cluster } = stack.contract;
  const all = Object.values(stack.services);
  const found = await observeServices(
    ecs,
    cluster,
    all.map(({ service }) => service),
  );
  const running = await Promise.all(
    all.map(async (service): Promise<readonly [string, RunningDefinition]> => {
      const now = found[service.service] ?? null;
      const definition = now?.revision == null ? null : await definitionOf(ecs, now.revision);
      if (now === null || now.revision === null || definition === null)
        throw new UserError({
          what: `ECS service ${service.service} runs nothing that could be recorded, or is not there.`,
          where: `cluster ${cluster} (${showPlace(service.place)})`,
          fix: "Name the service as it is called in ECS, or leave it out of the stack file.",
        });
      const seen = now.runningCount === 0 ? {} : await observeDigests(ecs, cluster, now, now.revision);
      const digests = digestsOf(stack, service, definition, seen);
      const { container } = service.definition;
      const digest = container === null ? undefined : digests[container];
      if (digest === undefined) throw unknownImage(stack, service, seen[container ?? ""] ?? []);
      return [service.key, { definition, digests, digest }];
    }),
  );
  return Object.fromEntries(running);
}

/** Of a container whose tasks differ it is not known which image is meant. */
function digestsOf(
  stack: Stack,
  service: Service,
  { content }: Definition,
  seen: Readonly<Record<string, readonly Digest[]>>,
): Readonly<Record<string, Digest>> {
  const registry = `${registryOf(stack)}/`;
  const names = new Set([...Object.keys(seen), service.definition.container ?? ""]);
  return Object.fromEntries(
    [...names].flatMap((name): readonly (readonly [string, Digest])[] => {
      const image = containerIn(content, name)?.["image"];
      if (typeof image !== "string" || !image.startsWith(registry)) return [];
      const [, pinned] = /@(sha256:[0-9a-f]{64})$/.exec(image) ?? [];
      if (pinned !== undefined) return [[name, pinned as Digest]];
      const [only, ...others] = seen[name] ?? [];
      return only === undefined || others.length > 0 ? [] : [[name, only]];
    }),
  );
}

function unknownImage({ file, contract }: Stack, service: Service, seen: readonly Digest[]): UserError {
  return new UserError({
    what:
      seen.length > 1
        ? `The tasks of ECS service ${service.service} run different images: ${seen.join(", ")}.`
        : `It is not known which image ECS service ${service.service} runs: its definition names a tag of the stack's registry or an image of another one, and no running task tells a digest.`,
    where: `cluster ${contract.cluster} (${file}, service ${service.key})`,
    fix:
      seen.length > 1
        ? "Wait until its deployment is complete, or force a new one, and try again."
        : "Let it run one task; let the role call ecs:DescribeServiceRevisions, ecs:ListTasks and ecs:DescribeTasks; and have its image in the registry of this account and region.",
  });
}
