import type { DeploymentCircuitBreaker, Deployment as EcsDeployment, Service } from "@aws-sdk/client-ecs";
import { type Untrusted, untrusted } from "../domain/evidence.ts";
import type { Digest } from "../domain/identifiers.ts";
import type { ReplacementSettings } from "../domain/plan.ts";
import { parseRevision, type Revision } from "../domain/verdict.ts";

/** One deployment of a service, as `deployments[]` lists it. */
export interface Deployment {
  /** `ecs-svc/…` */
  readonly id: string;
  readonly revision: Revision | null;
  /** Null when its controller is not ECS. */
  readonly state: "IN_PROGRESS" | "COMPLETED" | "FAILED" | null;
  readonly reason: Untrusted;
  readonly desiredCount: number;
  readonly runningCount: number;
  readonly pendingCount: number;
  readonly failedTasks: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What ECS wrote into the service's own log. */
export interface ServiceEvent {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly text: Untrusted;
}

/** How the service replaces its tasks. */
export interface RolloutSettings {
  readonly minimumHealthyPercent: number;
  readonly maximumPercent: number;
  /** Null when it is off. */
  readonly breaker: { readonly rollback: boolean; readonly threshold: BreakerThreshold } | null;
  /** Alarms watch a deployment, and ECS goes back when one goes off. */
  readonly alarmsRollBack: boolean;
  /** A rollout may be complete while old tasks still run. */
  readonly cleansUpLater: boolean;
  /** ROLLING, BLUE_GREEN, LINEAR or CANARY; ROLLING where ECS does not say. */
  readonly strategy: string;
  /** Lifecycle hooks, which may hold a rollout up. */
  readonly hooks: number;
  /** Minutes that a rollout is watched once all of it runs, before it is complete. */
  readonly bakeMinutes: number;
}

/** What of it may be changed by us. */
export function settingsOf({ minimumHealthyPercent, maximumPercent, breaker }: RolloutSettings): ReplacementSettings {
  return {
    minimumHealthyPercent,
    maximumPercent,
    breaker: breaker === null ? "off" : breaker.rollback ? "rolls-back" : "gives-up",
  };
}

/**
 * How many failed tasks open the breaker.
 * Source: API_DeploymentCircuitBreaker in the ECS API reference, member thresholdConfiguration.
 */
export interface BreakerThreshold {
  /** COUNT is the number itself; percents are of the desired count, BOUNDED_PERCENT from 3 to 200 tasks. */
  readonly type: "BOUNDED_PERCENT" | "UNBOUNDED_PERCENT" | "COUNT";
  readonly value: number;
}

/** What ECS takes when a service sets nothing else. Source: deployment-circuit-breaker in the developer guide. */
export const usualThreshold: BreakerThreshold = { type: "BOUNDED_PERCENT", value: 50 };

export interface ServiceNetwork {
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  readonly publicAddress: boolean;
}

/** One service as ECS describes it. */
export interface ServiceObservation {
  readonly name: string;
  readonly arn: string;
  /** ACTIVE, DRAINING or INACTIVE; the last two are on their way out. */
  readonly status: string;
  /** ECS, CODE_DEPLOY or EXTERNAL. */
  readonly controller: string;
  /** What the service is to run; a rollout may still be on its way there. */
  readonly revision: Revision | null;
  readonly desiredCount: number;
  readonly runningCount: number;
  readonly pendingCount: number;
  /** The deployment that ECS works for; null when its controller is not ECS. */
  readonly primary: Deployment | null;
  /** Those that are being replaced, or have not left yet. */
  readonly others: readonly Deployment[];
  /** The service deployment that ECS works on, or worked on last; null where ECS does not say. */
  readonly serviceDeploymentArn: string | null;
  readonly serviceRevisionArns: readonly string[];
  readonly rollout: RolloutSettings;
  /** FARGATE, EC2 and others; null when capacity providers decide. */
  readonly launchType: string | null;
  readonly capacityProviders: readonly { readonly name: string; readonly weight: number; readonly base: number }[];
  readonly platformVersion: string | null;
  readonly network: ServiceNetwork | null;
  /** ARNs of the target groups that its tasks are registered in. */
  readonly targetGroups: readonly string[];
  /** Container and port of its tasks that load balancers send to, by which target group; null: by none. */
  readonly balanced: readonly {
    readonly container: string;
    readonly port: number;
    readonly targetGroup: string | null;
  }[];
  /** Name of the CloudFormation stack that made it; null when none did, or when its tags were not asked for. */
  readonly cloudFormationStack: string | null;
  /** Newest first; ECS keeps a hundred. */
  readonly events: readonly ServiceEvent[];
}

/**
 * What a service has come to run, and not what somebody is bringing it to. @returns null: nothing, as far as ECS tells; or what is
 * under way is all there is.
 */
export function settledRevision({ primary, others, revision }: ServiceObservation): Revision | null {
  if (primary === null || primary.state === "COMPLETED" || primary.state === null) return revision;
  const [newest] = others
    .filter(({ state }) => state === "COMPLETED")
    .sort((one, other) => other.createdAt - one.createdAt);
  return newest?.revision ?? null;
}

/** Digests by the name of their container. */
export type Digests = Readonly<Record<string, Digest>>;

/** What was seen, by the name of the container: more than one digest where tasks differ. */
export type SeenDigests = Readonly<Record<string, readonly Digest[]>>;

/** Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html */
const cloudFormationTag = "aws:cloudformation:stack-name";

/** @param service one of DescribeServices or UpdateService */
export function observed(service: Service): ServiceObservation {
  const deployments = service.deployments ?? [];
  const primary = deployments.find(({ status }) => status === "PRIMARY");
  const configuration = service.deploymentConfiguration;
  const breaker = configuration?.deploymentCircuitBreaker;
  const early = configuration?.earlySuccessCriteria;
  const network = service.networkConfiguration?.awsvpcConfiguration;
  return {
    name: service.serviceName ?? "",
    arn: service.serviceArn ?? "",
    status: service.status ?? "",
    controller: service.deploymentController?.type ?? "ECS",
    revision: revisionOf(service.taskDefinition),
    desiredCount: service.desiredCount ?? 0,
    runningCount: service.runningCount ?? 0,
    pendingCount: service.pendingCount ?? 0,
    primary: primary === undefined ? null : deploymentOf(primary),
    others: deployments.filter((one) => one !== primary).map(deploymentOf),
    serviceDeploymentArn: service.currentServiceDeployment ?? null,
    serviceRevisionArns: (service.currentServiceRevisions ?? []).flatMap(({ arn }) => arn ?? []),
    rollout: {
      minimumHealthyPercent: configuration?.minimumHealthyPercent ?? 100,
      maximumPercent: configuration?.maximumPercent ?? 200,
      breaker:
        breaker?.enable === true
          ? { rollback: breaker.rollback === true, threshold: thresholdOf(breaker.thresholdConfiguration) }
          : null,
      alarmsRollBack: configuration?.alarms?.enable === true && configuration.alarms.rollback === true,
      cleansUpLater: early?.enable === true && early.sourceServiceRevisionCleanup === "DEFERRED",
      strategy: configuration?.strategy ?? "ROLLING",
      hooks: configuration?.lifecycleHooks?.length ?? 0,
      bakeMinutes: configuration?.bakeTimeInMinutes ?? 0,
    },
    launchType: service.launchType ?? null,
    capacityProviders: (service.capacityProviderStrategy ?? []).map(({ capacityProvider, weight, base }) => ({
      name: capacityProvider ?? "",
      weight: weight ?? 0,
      base: base ?? 0,
    })),
    platformVersion: service.platformVersion ?? null,
    network:
      network === undefined
        ? null
        : {
            subnets: network.subnets ?? [],
            securityGroups: network.securityGroups ?? [],
            publicAddress: network.assignPublicIp === "ENABLED",
          },
    balanced: (service.loadBalancers ?? []).flatMap(({ containerName, containerPort, targetGroupArn }) =>
      containerName === undefined || containerPort === undefined
        ? []
        : [{ container: containerName, port: containerPort, targetGroup: targetGroupArn ?? null }],
    ),
    targetGroups: (service.loadBalancers ?? []).flatMap(({ targetGroupArn }) => targetGroupArn ?? []),
    cloudFormationStack: service.tags?.find(({ key }) => key === cloudFormationTag)?.value ?? null,
    events: (service.events ?? []).map(({ id, createdAt, message }) => ({
      id: id ?? "",
      at: timeOf(createdAt),
      text: untrusted(message ?? ""),
    })),
  };
}

/** @param taskDefinition an ARN or `family:revision` */
export function revisionOf(taskDefinition: string | undefined): Revision | null {
  return taskDefinition === undefined ? null : parseRevision(taskDefinition);
}

function deploymentOf(deployment: EcsDeployment): Deployment {
  return {
    id: deployment.id ?? "",
    revision: revisionOf(deployment.taskDefinition),
    state: deployment.rolloutState ?? null,
    reason: untrusted(deployment.rolloutStateReason ?? ""),
    desiredCount: deployment.desiredCount ?? 0,
    runningCount: deployment.runningCount ?? 0,
    pendingCount: deployment.pendingCount ?? 0,
    failedTasks: deployment.failedTasks ?? 0,
    createdAt: timeOf(deployment.createdAt),
    updatedAt: timeOf(deployment.updatedAt),
  };
}

function thresholdOf(configured: DeploymentCircuitBreaker["thresholdConfiguration"]): BreakerThreshold {
  if (configured?.type === undefined || configured.value === undefined) return usualThreshold;
  return { type: configured.type, value: configured.value };
}

function timeOf(date: Date | undefined): number {
  return date?.getTime() ?? 0;
}
