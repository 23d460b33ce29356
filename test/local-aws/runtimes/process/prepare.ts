import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import { existsSync } from "node:fs";
import { mkdir, realpath, rm, symlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { messageOf } from "../../../../src/domain/errors.ts";
import { findProgram } from "../../backing/processes.ts";
import type { BedClock } from "../../clock.ts";
import type { RuntimeObserver, RuntimeTask } from "../../runtime.ts";
import { type AgentCall, createAgent } from "./agent.ts";
import { type ContainerProcess, containerProcess, roleName, type Surroundings } from "./container-process.ts";
import type { Images, PulledImage } from "./images.ts";
import type { LentPython } from "./lent-python.ts";
import { type LogStream, openLogStream } from "./logs.ts";
import { whyNot } from "./refusals.ts";
import { CannotPull } from "./registry.ts";
import { locate, makeRootFolder } from "./root-folder.ts";
import { resolveSecrets } from "./secrets.ts";
import { machinePlatform, type Mount, mountsOf, platformOf } from "./task-plan.ts";

/** A container of which nothing is missing but its start. */
export interface PreparedContainer {
  readonly name: string;
  readonly definition: ContainerDefinition;
  readonly process: ContainerProcess;
  readonly log: LogStream;
}

export interface PrepareOptions {
  readonly clock: BedClock;
  readonly images: Images;
  readonly python: LentPython;
  readonly region: string;
  /** URL of the gateway as tasks reach it. */
  readonly gateway: string;
  /** Folder of the file systems that tasks share. */
  readonly fileSystems: string;
}

/** Where a task lives: its address, and a folder that it has to itself. */
export interface TaskPlace {
  readonly address: string;
  readonly folder: string;
}

/**
 * Does all that ECS does between PENDING and the first process, in its order: images, secrets, logs, containers.
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
    definitions.map((definition, at) => {
      const folder = join(place.folder, String(at));
      const image = images[at];
      if (image === undefined) throw new Error(`no image for container ${definition.name}`);
      return prepareContainer(options, task, definition, image, secrets[at] ?? {}, { ...place, folder }, call);
    }),
  );
}

async function pull(
  { images }: PrepareOptions,
  task: RuntimeTask,
  container: string,
  image: string,
  role: string,
  observer: RuntimeObserver,
): Promise<PulledImage> {
  try {
    const pulled = await images.pull({ image, platform: platformOf(task.definition), role });
    observer.pulled(container, pulled.digest);
    return pulled;
  } catch (error) {
    throw error instanceof CannotPull
      ? new Error(`CannotPullContainerError: ${error.message}`, { cause: error })
      : error;
  }
}

async function prepareContainer(
  options: PrepareOptions,
  task: RuntimeTask,
  definition: ContainerDefinition,
  image: PulledImage,
  secrets: Readonly<Record<string, string>>,
  place: TaskPlace,
  call: AgentCall,
): Promise<PreparedContainer> {
  const root = join(place.folder, "root");
  const home = join(place.folder, "home");
  await mkdir(join(home, "tmp"), { recursive: true });
  makeRootFolder(image.layers, root);
  for (const mount of mountsOf(task.definition, definition)) await mountFolder(options.fileSystems, mount, root);
  const surroundings: Surroundings = {
    taskId: task.id,
    address: place.address,
    region: options.region,
    gateway: options.gateway,
    python: options.python.folder,
    root,
    home,
    locate: (path) => locate(root, path),
  };
  const process = containerProcess(task, definition, image.config, secrets, surroundings);
  expectPlayable(options, task, image, process);
  // A working directory that the image lacks is made, as by a container runtime.
  if (!existsSync(process.folder)) await mkdir(process.folder, { recursive: true });
  expectProgram(process);
  const log = await openLogStream(call, definition, task.id, options.clock);
  return { name: definition.name ?? "", definition, process, log };
}

/** A file system is a folder that lasts as long as the bed; what the image has in that place is hidden, as by a mount. */
async function mountFolder(fileSystems: string, { fileSystemId, path }: Mount, root: string): Promise<void> {
  const folder = join(fileSystems, fileSystemId);
  await mkdir(folder, { recursive: true });
  await mkdir(dirname(root + path), { recursive: true });
  // Folders of one layer only are links to what all tasks of that layer share.
  const [parent, own] = [await realpath(dirname(root + path)), await realpath(root)];
  if (parent !== own && !parent.startsWith(`${own}/`))
    throw new Error(
      `CannotStartContainerError: a mount at ${path} is below a folder of the image that others share; this runtime mounts beside those`,
    );
  await rm(root + path, { recursive: true, force: true });
  await symlink(folder, root + path);
}

function expectPlayable(
  { python }: PrepareOptions,
  task: RuntimeTask,
  { config }: PulledImage,
  { command }: ContainerProcess,
): void {
  const pythonVersion = config.config.Env?.find((variable) => variable.startsWith("PYTHON_VERSION="))?.split("=")[1];
  const wish = { platform: platformOf(task.definition), command, pythonVersion };
  const refusal = whyNot(wish, { platform: machinePlatform(), pythonMinor: python.minor });
  if (refusal !== null) throw new Error(`CannotStartContainerError: ${refusal}`);
}

function expectProgram({ command, environment, folder }: ContainerProcess): void {
  const [program] = command;
  if (program === undefined) throw cannotStart("no command specified");
  const found = findProgram(program.includes("/") ? resolve(folder, program) : program, environment["PATH"] ?? "");
  if (found === null) throw cannotStart(`exec: "${program}": executable file not found in $PATH`);
}

function cannotStart(why: string): Error {
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
