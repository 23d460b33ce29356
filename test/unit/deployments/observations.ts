import type { Deployment, ServiceObservation } from "../../../src/deployments/index.ts";
import type { ServiceDeploymentObservation } from "../../../src/deployments/observe.ts";
import { usualThreshold } from "../../../src/deployments/service.ts";
import { type Aim, type Track, track } from "../../../src/deployments/track.ts";
import { untrusted } from "../../../src/domain/evidence.ts";

/** 2026-11-21T10:00:00Z, when our deployment begins. */
export const start = Date.parse("2026-11-21T10:00:00Z");

export const revision = (number: number) => ({ family: "app", revision: number });

/** `ecs-svc/1` ran `app:1`; `ecs-svc/2` is ours, and brings `app:2`. */
export function deployment(changes: Partial<Deployment> = {}): Deployment {
  return {
    id: "ecs-svc/2",
    revision: revision(2),
    state: "IN_PROGRESS",
    reason: untrusted("ECS deployment ecs-svc/2 in progress."),
    desiredCount: 1,
    runningCount: 0,
    pendingCount: 0,
    failedTasks: 0,
    createdAt: start,
    updatedAt: start,
    ...changes,
  };
}

export const former = (changes: Partial<Deployment> = {}): Deployment =>
  deployment({
    id: "ecs-svc/1",
    revision: revision(1),
    state: "COMPLETED",
    reason: untrusted("ECS deployment ecs-svc/1 completed."),
    runningCount: 1,
    createdAt: start - 3_600_000,
    updatedAt: start - 3_500_000,
    ...changes,
  });

export function service(changes: Partial<ServiceObservation> = {}): ServiceObservation {
  const primary = changes.primary === undefined ? deployment() : changes.primary;
  const others = changes.others ?? [];
  const all = primary === null ? others : [primary, ...others];
  return {
    name: "app",
    arn: "arn:aws:ecs:eu-west-1:123456789012:service/main/app",
    status: "ACTIVE",
    controller: "ECS",
    revision: primary?.revision ?? null,
    desiredCount: 1,
    runningCount: all.reduce((sum, { runningCount }) => sum + runningCount, 0),
    pendingCount: all.reduce((sum, { pendingCount }) => sum + pendingCount, 0),
    primary,
    others,
    serviceDeploymentArn: null,
    serviceRevisionArns: [],
    rollout: {
      minimumHealthyPercent: 100,
      maximumPercent: 200,
      breaker: { rollback: true, threshold: usualThreshold },
      alarmsRollBack: false,
      cleansUpLater: false,
      strategy: "ROLLING",
      hooks: 0,
      bakeMinutes: 0,
    },
    launchType: "FARGATE",
    capacityProviders: [],
    platformVersion: "1.4.0",
    network: { subnets: ["subnet-1"], securityGroups: ["sg-1"], publicAddress: false },
    targetGroups: [],
    balanced: [],
    cloudFormationStack: null,
    events: [],
    ...changes,
  };
}

export function aim(changes: Partial<Aim> = {}): Aim {
  return {
    cluster: "main",
    service: "app",
    to: revision(2),
    from: revision(1),
    deploymentId: "ecs-svc/2",
    serviceDeploymentArn: null,
    formerServiceDeploymentArn: null,
    returning: false,
    before: ["ecs-svc/1"],
    moves: true,
    toNothing: false,
    failEarly: false,
    digests: {},
    count: null,
    since: start,
    begun: start,
    deadline: start + 1_800_000,
    ...changes,
  };
}

/** As UpdateService answered. */
export function begun(
  changes: Partial<Aim> = {},
  answered: ServiceObservation = service({ others: [former()] }),
): Track {
  return track(aim(changes), answered, []);
}

/** What ECS says of the service deployment by which `app:2` comes. */
export function serviceDeployment(
  status: ServiceDeploymentObservation["status"],
  changes: Partial<ServiceDeploymentObservation> = {},
): ServiceDeploymentObservation {
  return {
    arn: "arn:aws:ecs:eu-west-1:123456789012:service-deployment/main/app/x",
    status,
    stage: null,
    waiting: [],
    failedHooks: [],
    reason: untrusted(""),
    breakerTriggered: false,
    alarms: [],
    targetRevisionArn: null,
    sourceRevisionArns: [],
    rollbackRevisionArn: null,
    ...changes,
  };
}
