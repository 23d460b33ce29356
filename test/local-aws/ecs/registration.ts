import type { ContainerDefinition, RegisterTaskDefinitionRequest } from "@aws-sdk/client-ecs";
import type { Bed } from "./bed.ts";

type Registration = RegisterTaskDefinitionRequest & { readonly containerDefinitions: readonly ContainerDefinition[] };

/**
 * What ECS refuses in a task definition because its API reference says so: texts are ours where AWS publishes none.
 * @returns the first fault; null when there is none.
 */
export function registrationFault(bed: Bed, input: Registration): string | null {
  const faults = [
    ...sizeFaults(bed, input),
    ...input.containerDefinitions.flatMap((container) => containerFaults(input, container)),
    ...dependencyFaults(input.containerDefinitions),
  ];
  return faults[0] ?? null;
}

/** MiB that go with so many CPU units. Source: task_definition_parameters in the developer guide, "Task size". */
const fargateSizes: ReadonlyMap<number, readonly number[]> = new Map([
  [256, [512, 1024, 2048]],
  [512, range(1024, 4096, 1024)],
  [1024, range(2048, 8192, 1024)],
  [2048, range(4096, 16_384, 1024)],
  [4096, range(8192, 30_720, 1024)],
  [8192, range(16_384, 61_440, 4096)],
  [16_384, range(32_768, 122_880, 8192)],
]);

function range(least: number, most: number, step: number): readonly number[] {
  return Array.from({ length: (most - least) / step + 1 }, (_, index) => least + index * step);
}

function isFargate({ requiresCompatibilities }: Registration): boolean {
  return requiresCompatibilities?.includes("FARGATE") === true;
}

function sizeFaults({ rules }: Bed, input: Registration): readonly string[] {
  const faults: string[] = [];
  const cpu = amountOf(input.cpu, "vCPU");
  const memory = amountOf(input.memory, "GB");
  if (Number.isNaN(cpu)) faults.push(`Invalid 'cpu' setting for task: ${input.cpu ?? ""}`);
  if (Number.isNaN(memory)) faults.push(`Invalid 'memory' setting for task: ${input.memory ?? ""}`);
  if (isFargate(input) && fargateSizes.get(cpu)?.includes(memory) !== true) {
    faults.push(`No Fargate configuration exists for given values: ${cpu} CPU, ${memory} memory.`);
  }
  const { length } = input.containerDefinitions;
  if (length > rules.containersMost) faults.push(`${length} containers are more than ${rules.containersMost}.`);
  const storage = input.ephemeralStorage?.sizeInGiB;
  if (storage !== undefined && (storage < 21 || storage > 200)) {
    faults.push("EphemeralStorage size must be between 21 and 200 GiB.");
  }
  for (const { memory: own = 0, cpu: units = 0, name = "" } of input.containerDefinitions) {
    if (own > memory) faults.push(`Invalid 'memory' setting for container '${name}': more than the task's.`);
    if (units > cpu) faults.push(`Invalid 'cpu' setting for container '${name}': more than the task's.`);
  }
  const keys = (input.tags ?? []).map(({ key }) => key);
  if (new Set(keys).size < keys.length) faults.push("Duplicate tag keys found.");
  return faults;
}

/** CPU units or MiB: plain, or as `1 vCPU` and `2 GB`. Infinity when nothing is set: nothing is more than that. */
function amountOf(text: string | undefined, unit: string): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const [, number = "", named] = new RegExp(`^(\\d*\\.?\\d+) ?(${unit})?$`, "i").exec(text) ?? [];
  return number === "" ? Number.NaN : Number(number) * (named === undefined ? 1 : 1024);
}

function containerFaults(input: Registration, container: ContainerDefinition): readonly string[] {
  const { name = "", portMappings = [], mountPoints = [], secrets = [], healthCheck, stopTimeout } = container;
  const faults: string[] = [];
  const refuse = (isWrong: boolean, what: string): void => void (isWrong && faults.push(`Container ${name}: ${what}`));
  const ownNetwork = input.networkMode === "awsvpc";
  refuse(
    ownNetwork && portMappings.some(({ hostPort, containerPort }) => ![undefined, 0, containerPort].includes(hostPort)),
    "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
  );
  refuse(ownNetwork && (container.links ?? []).length > 0, "Links are not supported when networkMode=awsvpc.");
  refuse(isFargate(input) && container.privileged === true, "Fargate does not support privileged.");
  refuse(isFargate(input) && (stopTimeout ?? 0) > 120, "stopTimeout must be at most 120 seconds on Fargate.");
  refuse(
    !isFargate(input) &&
      [input.memory, container.memory, container.memoryReservation].every((one) => one === undefined),
    "Invalid setting for container. At least one of 'memory' or 'memoryReservation' must be specified.",
  );
  const volumes = new Set((input.volumes ?? []).map((volume) => volume.name));
  refuse(
    mountPoints.some(({ sourceVolume }) => sourceVolume !== undefined && !volumes.has(sourceVolume)),
    "Unknown volume.",
  );
  const names = secrets.map((secret) => secret.name);
  refuse(new Set(names).size < names.length, "The secret name must be unique.");
  refuse(
    secrets.some(({ valueFrom }) => valueFrom === undefined || valueFrom === ""),
    "The secret's valueFrom must not be empty.",
  );
  const { logDriver, options } = container.logConfiguration ?? {};
  refuse(logDriver === "awslogs" && options?.["awslogs-group"] === undefined, "awslogs-group is missing.");
  if (healthCheck !== undefined) {
    const { command = [], interval = 30, timeout = 5, retries = 3, startPeriod = 0 } = healthCheck;
    refuse(!["CMD", "CMD-SHELL", "NONE"].includes(command[0] ?? ""), "A health check starts with CMD or CMD-SHELL.");
    refuse(interval < 5 || interval > 300, "healthCheck.interval must be between 5 and 300 seconds.");
    refuse(timeout < 2 || timeout > 60, "healthCheck.timeout must be between 2 and 60 seconds.");
    refuse(retries < 1 || retries > 10, "healthCheck.retries must be between 1 and 10.");
    refuse(startPeriod < 0 || startPeriod > 300, "healthCheck.startPeriod must be between 0 and 300 seconds.");
  }
  return faults;
}

function dependencyFaults(containers: readonly ContainerDefinition[]): readonly string[] {
  const byName = new Map(containers.map((container) => [container.name, container]));
  const faults: string[] = [];
  for (const { name = "", dependsOn = [] } of containers) {
    for (const { containerName = "", condition } of dependsOn) {
      const other = byName.get(containerName);
      if (other === undefined) faults.push(`Container ${name} depends on ${containerName}, which is not there.`);
      else if (condition === "HEALTHY" && other.healthCheck === undefined) {
        faults.push(`Container ${name} waits for ${containerName} to be HEALTHY, which has no health check.`);
      }
    }
    if (reaches(byName, name, name, new Set())) faults.push(`Container ${name} depends on itself: a cycle.`);
  }
  return faults;
}

function reaches(
  byName: ReadonlyMap<string | undefined, ContainerDefinition>,
  from: string,
  to: string,
  seen: Set<string>,
): boolean {
  return (byName.get(from)?.dependsOn ?? []).some(({ containerName = "" }) => {
    if (containerName === to) return true;
    if (seen.has(containerName)) return false;
    seen.add(containerName);
    return reaches(byName, containerName, to, seen);
  });
}
