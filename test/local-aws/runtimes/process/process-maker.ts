import { existsSync } from "node:fs";
import { mkdir, realpath, rm, symlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { findProgram, type Processes } from "../../backing/processes.ts";
import type { Surroundings } from "../tasks/fargate-environment.ts";
import type { ContainerMaker, MadeContainer, MakeRequest } from "../tasks/maker.ts";
import { cannotStart } from "../tasks/prepare.ts";
import { machinePlatform, type Mount, mountsOf, platformOf } from "../tasks/task-plan.ts";
import { type ContainerProcess, containerProcess } from "./container-process.ts";
import type { Layers, UnpackedImage } from "./layers.ts";
import type { LentPython } from "./lent-python.ts";
import { startProcess } from "./process.ts";
import { whyNot } from "./refusals.ts";
import { locate, makeRootFolder } from "./root-folder.ts";

export interface ProcessMakerOptions extends Surroundings {
  readonly processes: Processes;
  readonly layers: Layers;
  readonly python: LentPython;
  /** Folder of the file systems that tasks share. */
  readonly fileSystems: string;
}

/** Containers as processes of this machine: README.md beside this file says what that can play, and what it cannot. */
export function createProcessMaker(options: ProcessMakerOptions): ContainerMaker {
  return {
    pull: async (request) => {
      const image = await options.layers.pull(request);
      return { digest: image.digest, make: (wanted) => makeProcess(options, image, wanted) };
    },
  };
}

async function makeProcess(
  options: ProcessMakerOptions,
  image: UnpackedImage,
  { task, definition, secrets, address, folder }: MakeRequest,
): Promise<MadeContainer> {
  const root = join(folder, "root");
  const home = join(folder, "home");
  await mkdir(join(home, "tmp"), { recursive: true });
  makeRootFolder(image.layers, root);
  for (const mount of mountsOf(task.definition, definition, task.id))
    await mountFolder(options.fileSystems, mount, root);
  const process = containerProcess(task, definition, image.config, secrets, {
    address,
    region: options.region,
    gateway: options.gateway,
    python: options.python.folder,
    root,
    home,
    locate: (path) => locate(root, path),
  });
  expectPlayable(options, { task }, image, process);
  // A working directory that the image lacks is made, as by a container runtime.
  if (!existsSync(process.folder)) await mkdir(process.folder, { recursive: true });
  expectProgram(process);
  return { start: (onLine) => startProcess(options.processes, process, onLine) };
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
  { python }: ProcessMakerOptions,
  { task }: Pick<MakeRequest, "task">,
  { config }: UnpackedImage,
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
