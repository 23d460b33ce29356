import type { Deployment as DeploymentView, Service as ServiceView, ServiceRevisionSummary } from "@aws-sdk/client-ecs";
import type { Bed } from "./bed.ts";
import { isFinal } from "./deployments.ts";
import { isGone, tasksOf, type Deployment, type Service, type ServiceRevision, type Task } from "./state.ts";

/** A service as DescribeServices shows it. */
export function serviceView(bed: Bed, service: Service): ServiceView {
  const { settings, definition } = service.shape;
  const tasks = tasksOf(bed.state, service);
  return {
    serviceArn: service.arn,
    serviceName: service.name,
    clusterArn: service.cluster.arn,
    status: service.status,
    desiredCount: service.desiredCount,
    ...counts(tasks),
    launchType: service.launchType,
    ...platform(service),
    taskDefinition: definition.content.taskDefinitionArn,
    deploymentConfiguration: service.configuration,
    deployments: service.deployments.map((deployment) => deploymentView(bed, service, deployment, tasks)),
    events: service.events.map(({ id, createdAt, message }) => ({ id, createdAt: new Date(createdAt), message })),
    createdAt: new Date(service.createdAt),
    createdBy: service.createdBy,
    loadBalancers: settings.loadBalancers ?? [],
    serviceRegistries: settings.serviceRegistries ?? [],
    placementConstraints: settings.placementConstraints ?? [],
    placementStrategy: settings.placementStrategy ?? [],
    networkConfiguration: settings.networkConfiguration,
    capacityProviderStrategy: settings.capacityProviderStrategy,
    healthCheckGracePeriodSeconds: service.healthCheckGracePeriodSeconds,
    availabilityZoneRebalancing: service.availabilityZoneRebalancing,
    schedulingStrategy: "REPLICA",
    deploymentController: { type: "ECS" },
    enableECSManagedTags: settings.enableECSManagedTags ?? false,
    enableExecuteCommand: settings.enableExecuteCommand ?? false,
    propagateTags: settings.propagateTags ?? "NONE",
    currentServiceDeployment: currentServiceDeployment(bed, service),
    currentServiceRevisions: [...new Set(service.deployments.map(({ revision }) => revision))].map((revision) =>
      revisionSummary(service, revision, tasks),
    ),
  };
}

/** A revision of a service and how many tasks it has, as services and service deployments show it. */
export function revisionSummary(
  service: Service,
  revision: ServiceRevision,
  tasks: readonly Task[],
): ServiceRevisionSummary {
  const { runningCount, pendingCount } = counts(tasks.filter((task) => task.deployment?.revision === revision));
  const deployment = service.deployments.find((one) => one.revision === revision);
  return {
    arn: revision.arn,
    requestedTaskCount: deployment === undefined ? 0 : requested(service, deployment),
    runningTaskCount: runningCount,
    pendingTaskCount: pendingCount,
  };
}

function deploymentView(bed: Bed, service: Service, deployment: Deployment, tasks: readonly Task[]): DeploymentView {
  const { settings, definition } = deployment.revision.shape;
  const failed = deployment.rolloutState === "FAILED" && bed.rules.failedDesiredCount === "zero";
  return {
    id: deployment.id,
    status: deployment.status,
    taskDefinition: definition.content.taskDefinitionArn,
    desiredCount: failed ? 0 : requested(service, deployment),
    ...counts(tasks.filter((task) => task.deployment === deployment)),
    failedTasks: deployment.failedTasks,
    createdAt: new Date(deployment.createdAt),
    updatedAt: new Date(deployment.updatedAt),
    launchType: service.launchType,
    ...platform(service),
    networkConfiguration: settings.networkConfiguration,
    rolloutState: isBaking(deployment) ? bed.rules.stateWhileBaking : deployment.rolloutState,
    rolloutStateReason: deployment.rolloutStateReason,
  };
}

function isBaking({ rolloutState, serviceDeployment }: Deployment): boolean {
  return rolloutState === "IN_PROGRESS" && serviceDeployment.stage === "BAKE_TIME";
}

function requested(service: Service, deployment: Deployment): number {
  return deployment.status === "PRIMARY" ? service.desiredCount : deployment.wanted;
}

function counts(tasks: readonly Task[]): { readonly runningCount: number; readonly pendingCount: number } {
  const present = tasks.filter((task) => !isGone(task));
  return {
    runningCount: present.filter(({ lastStatus }) => lastStatus === "RUNNING").length,
    pendingCount: present.filter(({ lastStatus }) => ["PROVISIONING", "PENDING", "ACTIVATING"].includes(lastStatus))
      .length,
  };
}

function platform({ launchType, shape }: Service): Pick<ServiceView, "platformVersion" | "platformFamily"> {
  if (launchType !== "FARGATE") return {};
  return { platformVersion: shape.settings.platformVersion ?? "LATEST", platformFamily: "Linux" };
}

function currentServiceDeployment(bed: Bed, service: Service): string | undefined {
  const [newest, ...older] = service.serviceDeployments;
  switch (bed.rules.currentServiceDeployment) {
    case "always":
      return newest?.arn;
    case "late":
      return newest?.status === "PENDING" ? older[0]?.arn : newest?.arn;
    case "while-in-progress":
      return newest === undefined || isFinal(newest.status) ? undefined : newest.arn;
    case "never":
      return undefined;
  }
}
