import type { ContainerDefinition, HealthCheck, PortMapping, RegisterTaskDefinitionRequest } from "@aws-sdk/client-ecs";

/** A task definition as it comes back from AWS: the same, with what was left out filled in. */
export function withDefaults(sent: RegisterTaskDefinitionRequest): RegisterTaskDefinitionRequest & {
  readonly compatibilities: ("EC2" | "FARGATE")[];
} {
  const fargate = sent.requiresCompatibilities?.includes("FARGATE") === true;
  return {
    volumes: [],
    placementConstraints: [],
    ...sent,
    containerDefinitions: (sent.containerDefinitions ?? []).map((container) =>
      containerWithDefaults(container, sent.networkMode === "awsvpc"),
    ),
    compatibilities: fargate ? ["EC2", "FARGATE"] : ["EC2"],
  };
}

function containerWithDefaults(container: ContainerDefinition, ownAddress: boolean): ContainerDefinition {
  const { portMappings = [], healthCheck } = container;
  return {
    cpu: 0,
    essential: true,
    environment: [],
    mountPoints: [],
    volumesFrom: [],
    systemControls: [],
    ...container,
    portMappings: portMappings.map((mapping) => portWithDefaults(mapping, ownAddress)),
    ...(healthCheck === undefined ? {} : { healthCheck: healthCheckWithDefaults(healthCheck) }),
  };
}

function portWithDefaults(mapping: PortMapping, ownAddress: boolean): PortMapping {
  const hostPort = ownAddress ? mapping.containerPort : 0;
  return { protocol: "tcp", ...(hostPort === undefined ? {} : { hostPort }), ...mapping };
}

function healthCheckWithDefaults(check: HealthCheck): HealthCheck {
  return { interval: 30, timeout: 5, retries: 3, ...check };
}
