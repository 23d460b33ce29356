import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import { join } from "node:path";
import { messageOf } from "../../../../src/domain/errors.ts";
import type { BedClock } from "../../clock.ts";
import type { RuntimeObserver, RuntimeTask } from "../../runtime.ts";
import { createAgent } from "./agent.ts";
import { roleName, type Surroundings } from "./fargate-environment.ts";
import { type LogStream, openLogStream } from "./logs.ts";
import type { ContainerMaker, LocalImage, MadeContainer } from "./maker.ts";
import { CannotPull } from "./registry.ts";
import { resolveSecrets } from "./secrets.ts";
import { platformOf } from "./task-plan.ts";

/** A container of which nothing is missing but its start. */
export interface PreparedContainer {
  readonly name: string;
  readonly definition: ContainerDefinition;
  readonly made: MadeContainer;
  readonly log: LogStream;
}

export interface PrepareOptions extends Surroundings {
  readonly clock: BedClock;
  readonly maker: ContainerMaker;
}

/** Where a task lives: its address, and a folder that it has to itself. */
export interface TaskPlace {
  readonly address: string;
  readonly folder: string;
}

/**
 * Does all that ECS does between PENDING and the first process, in its order: images, secrets, containers, logs.
 * @throws Error in the words that ECS has for it.
 */
export async function prepareTask(
  options: PrepareOptions,
  task: RuntimeTask,
  place: TaskPlace,
  observer: RuntimeObserver,
): Promise<readonly PreparedContainer[]> {
  const role = roleName(task.overrides.executionRoleArn ?? task.definition.executionRoleArn ?? "no-execution-role");
  const call = createAgent(options.gateway, options.region, role);
  const definitions = task.definition.containerDefinitions ?? [];
  const images = await Promise.all(
    definitions.map(({ name, image }) => pull(options, task, name ?? "", image ?? "", role, observer)),
  );
  const secrets = await Promise.all(definitions.map((definition) => resolveSecrets(call, definition)));
  return Promise.all(
    definitions.map(async (definition, at) => {
      const { name = "" } = definition;
      const image = images[at];
      if (image === undefined) throw new Error(`no image for container ${name}`);
      const folder = join(place.folder, String(at));
      const made = await image.make({
        task,
        definition,
        secrets: secrets[at] ?? {},
        address: place.address,
        folder,
      });
      return { name, definition, made, log: await openLogStream(call, definition, task.id, options.clock) };
    }),
  );
}

async function pull(
  { maker }: PrepareOptions,
  task: RuntimeTask,
  container: string,
  image: string,
  role: string,
  observer: RuntimeObserver,
): Promise<LocalImage> {
  try {
    const pulled = await maker.pull({ image, platform: platformOf(task.definition), role });
    observer.pulled(container, pulled.digest);
    return pulled;
  } catch (error) {
    throw error instanceof CannotPull
      ? new Error(`CannotPullContainerError: ${error.message}`, { cause: error })
      : error;
  }
}

/** A container that cannot be started, in the words of ECS. @param why as runc has it */
export function cannotStart(why: string): Error {
  const words = [
    "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task",
    "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process",
    `${why}: unknown`,
  ];
  return new Error(words.join(": "));
}

/** Why a task could not start. What ECS has no words for is a defect of the bed, and says so. */
export function startFailure(error: unknown): string {
  const message = messageOf(error);
  return /^(Cannot\w+Error|ResourceInitializationError): /.test(message)
    ? message
    : `ResourceInitializationError: local-aws could not prepare the task: ${message}`;
}
