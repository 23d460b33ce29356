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
  readonly fileSystemId: string;
  /** Absolute, in the container. */
  readonly path: string;
}

/** @throws Error for a volume that is no EFS file system: nothing else is played */
export function mountsOf(
  { volumes = [] }: TaskDefinition,
  { mountPoints = [] }: ContainerDefinition,
): readonly Mount[] {
  return mountPoints.map(({ sourceVolume, containerPath = "" }) => {
    const found = volumes.find(({ name }) => name === sourceVolume)?.efsVolumeConfiguration;
    if (found?.fileSystemId === undefined || (found.rootDirectory ?? "/") !== "/")
      throw new Error(`the volume ${sourceVolume} is not the root of an EFS file system, which is all that is played`);
    return { fileSystemId: found.fileSystemId, path: containerPath.replace(/\/+$/, "") };
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
