import type {
  ServiceDeployment as ServiceDeploymentView,
  ServiceDeploymentBrief,
  ServiceRevision as ServiceRevisionView,
} from "@aws-sdk/client-ecs";
import type { Bed } from "./bed.ts";
import { breakerThreshold } from "./breaker.ts";
import { revisionSummary } from "./service-view.ts";
import { dateOf, isStaged, tasksOf, type Service, type ServiceDeployment, type ServiceRevision } from "./state.ts";

/** A service deployment as DescribeServiceDeployments shows it. */
export function serviceDeploymentView(bed: Bed, service: Service, now: ServiceDeployment): ServiceDeploymentView {
  const seen = bed.time.now() - bed.rules.serviceDeploymentLagSeconds * 1000;
  const deployment = now.past.find(({ until }) => until > seen)?.was ?? now;
  const tasks = tasksOf(bed.state, service);
  const { rollback, traffic } = deployment;
  const staged = isStaged(deployment.configuration);
  const weighed = (revision: ServiceRevision, weight: number) => ({
    ...revisionSummary(service, revision, tasks),
    ...(staged ? { requestedProductionTrafficWeight: weight } : {}),
  });
  return {
    serviceDeploymentArn: deployment.arn,
    serviceArn: service.arn,
    clusterArn: service.cluster.arn,
    ...times(deployment),
    updatedAt: new Date(deployment.updatedAt),
    stoppedAt: dateOf(deployment.stoppedAt),
    sourceServiceRevisions: deployment.sources.map((revision) => weighed(revision, 100 - traffic)),
    targetServiceRevision: weighed(deployment.target, traffic),
    status: deployment.status,
    statusReason: deployment.statusReason,
    lifecycleStage: deployment.stage,
    lifecycleHookDetails: staged
      ? deployment.hooks.map(({ id, status, expiresAt, timeoutAction }) => ({
          hookId: id,
          targetType: "PAUSE",
          status,
          expiresAt: new Date(expiresAt),
          timeoutAction,
        }))
      : undefined,
    deploymentConfiguration: deployment.configuration,
    rollback:
      rollback === undefined
        ? undefined
        : {
            reason: rollback.reason,
            startedAt: new Date(rollback.startedAt),
            serviceRevisionArn: rollback.revision.arn,
          },
    deploymentCircuitBreaker: {
      status: deployment.breaker,
      failureCount: deployment.failureCount,
      threshold: breakerThreshold(bed.rules, deployment.configuration, service.desiredCount),
    },
    alarms: { status: "DISABLED" },
  };
}

/** The same, as ListServiceDeployments shows it. */
export function serviceDeploymentBrief(service: Service, deployment: ServiceDeployment): ServiceDeploymentBrief {
  return {
    serviceDeploymentArn: deployment.arn,
    serviceArn: service.arn,
    clusterArn: service.cluster.arn,
    ...times(deployment),
    targetServiceRevisionArn: deployment.target.arn,
    status: deployment.status,
    statusReason: deployment.statusReason,
  };
}

/** A revision as DescribeServiceRevisions shows it: with the digests that its tasks have pulled. */
export function serviceRevisionView(service: Service, revision: ServiceRevision): ServiceRevisionView {
  const { definition, settings } = revision.shape;
  return {
    serviceRevisionArn: revision.arn,
    serviceArn: service.arn,
    clusterArn: service.cluster.arn,
    taskDefinition: definition.content.taskDefinitionArn,
    launchType: service.launchType,
    platformVersion: settings.platformVersion,
    loadBalancers: settings.loadBalancers ?? [],
    serviceRegistries: settings.serviceRegistries ?? [],
    networkConfiguration: settings.networkConfiguration,
    containerImages: (definition.content.containerDefinitions ?? []).map(({ name = "", image }) => ({
      containerName: name,
      image,
      imageDigest: revision.digests.get(name),
    })),
    createdAt: new Date(revision.createdAt),
  };
}

function times({ createdAt, startedAt, finishedAt }: ServiceDeployment) {
  return { createdAt: new Date(createdAt), startedAt: dateOf(startedAt), finishedAt: dateOf(finishedAt) };
}
