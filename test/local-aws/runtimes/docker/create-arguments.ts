import type { ContainerDefinition, TaskDefinition } from "@aws-sdk/client-ecs";

/** A container, as `docker create` is told it beside its definition. */
export interface Creation {
  /** By digest. */
  readonly image: string;
  /** Entry point and command. */
  readonly command: readonly string[];
  /** Names of its variables. Values are in the environment of `docker`: secrets are among them, and arguments can be read by anybody. */
  readonly variables: readonly string[];
  /** Folders of this machine, by their path in the container. */
  readonly folders: Readonly<Record<string, string>>;
}

/** What image and definition say, in the words of `docker create`. Health checks of the image are not asked: ECS does not know them. */
export function createArguments(
  task: Pick<TaskDefinition, "memory">,
  definition: ContainerDefinition,
  { image, command, variables, folders }: Creation,
): readonly string[] {
  const { user, workingDirectory, readonlyRootFilesystem, linuxParameters, ulimits = [] } = definition;
  const { capabilities, initProcessEnabled, tmpfs = [] } = linuxParameters ?? {};
  const [program = "", ...words] = command;
  return [
    "create",
    "--pull=never",
    "--network=host",
    "--no-healthcheck",
    `--entrypoint=${program}`,
    ...memoryLimit(task, definition),
    ...variables.map((name) => `--env=${name}`),
    ...Object.entries(folders).map(([path, folder]) => `--volume=${folder}:${path}`),
    ...(user === undefined ? [] : [`--user=${user}`]),
    ...(workingDirectory === undefined ? [] : [`--workdir=${workingDirectory}`]),
    ...(readonlyRootFilesystem === true ? ["--read-only"] : []),
    ...(initProcessEnabled === true ? ["--init"] : []),
    ...(capabilities?.drop ?? []).map((name) => `--cap-drop=${name}`),
    ...(capabilities?.add ?? []).map((name) => `--cap-add=${name}`),
    ...tmpfs.map(({ containerPath, size }) => `--tmpfs=${containerPath}:size=${size}m`),
    ...ulimits.map(({ name, softLimit, hardLimit }) => `--ulimit=${name}=${softLimit}:${hardLimit}`),
    image,
    ...words,
  ];
}

/** MiB; what swaps is not limited by it, so nothing does. A container without a limit of its own has the task's. */
function memoryLimit(
  { memory: ofTask }: Pick<TaskDefinition, "memory">,
  { memory }: ContainerDefinition,
): readonly string[] {
  const limits = [memory, ofTask].flatMap((limit) => (limit === undefined ? [] : [Number(limit)]));
  if (limits.length === 0) return [];
  const lowest = `${Math.min(...limits)}m`;
  return [`--memory=${lowest}`, `--memory-swap=${lowest}`];
}
