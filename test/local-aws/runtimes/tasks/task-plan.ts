import type { ContainerDefinition, TaskDefinition } from "@aws-sdk/client-ecs";

/** What one container waits for before it starts: API_ContainerDependency. */
export interface Dependency {
  readonly container: string;
  readonly condition: "START" | "COMPLETE" | "SUCCESS" | "HEALTHY";
}

export function dependenciesOf(definition: ContainerDefinition): readonly Dependency[] {
  return (definition.dependsOn ?? []).map(({ containerName = "", condition = "START" }) => ({
    container: containerName,
    condition,
  }));
}

/** A task ends with any container that is essential, which a container is unless its definition says otherwise. */
export function isEssential({ essential }: ContainerDefinition): boolean {
  return essential !== false;
}

/** A file system in a container. */
export interface Mount {
  /** Of EFS; or a name that only the containers of one task share. */
  readonly fileSystemId: string;
  /** Absolute, in the container. */
  readonly path: string;
}

/**
 * A volume that says nothing is a folder that goes with its task: API_Volume, bind mounts of Fargate.
 * @param task id of it
 * @throws Error for any other volume that is no EFS file system: nothing else is played
 */
export function mountsOf(
  { volumes = [] }: TaskDefinition,
  { mountPoints = [] }: ContainerDefinition,
  task: string,
): readonly Mount[] {
  return mountPoints.map(({ sourceVolume = "", containerPath = "" }) => {
    const { name, ...volume } = volumes.find((one) => one.name === sourceVolume) ?? {};
    const path = containerPath.replace(/\/+$/, "");
    const given = Object.values(volume).filter((value) => value !== undefined && Object.keys(value).length > 0);
    if (name !== undefined && given.length === 0) return { fileSystemId: `${task}-${name}`, path };
    const found = volume.efsVolumeConfiguration;
    if (found?.fileSystemId === undefined || (found.rootDirectory ?? "/") !== "/")
      throw new Error(
        `the volume ${sourceVolume} is neither empty nor the root of an EFS file system, which is all that is played`,
      );
    return { fileSystemId: found.fileSystemId, path };
  });
}

/** Operating system and architecture in the words of registries. */
export function platformOf({ runtimePlatform }: TaskDefinition): string {
  return runtimePlatform?.cpuArchitecture === "ARM64" ? "linux/arm64" : "linux/amd64";
}

/** Of this machine. */
export function machinePlatform(): string {
  return process.arch === "arm64" ? "linux/arm64" : "linux/amd64";
}
