import type {
  DeploymentConfiguration,
  DeploymentLifecycleHook,
  DeploymentLifecycleHookAction,
} from "@aws-sdk/client-ecs";
import type { ServiceSettings } from "../../local-aws/stage.ts";

/** What the service has ECS do when tasks fail. */
export const breakers = {
  "never ends it": {},
  "gives it up": { deploymentCircuitBreaker: { enable: true, rollback: false } },
  "goes back": { deploymentCircuitBreaker: { enable: true, rollback: true } },
  "goes back after twenty": {
    deploymentCircuitBreaker: {
      enable: true,
      rollback: true,
      resetOnHealthyTask: true,
      thresholdConfiguration: { type: "COUNT", value: 20 },
    },
  },
} as const satisfies Readonly<Record<string, DeploymentConfiguration>>;

/** How the service replaces its tasks, and how many there are. */
export const strategies = {
  "start, then stop": {},
  "stop, then start": { deploymentConfiguration: { minimumHealthyPercent: 0, maximumPercent: 100 } },
  "two at once": { desiredCount: 2 },
  "half of three": {
    desiredCount: 3,
    deploymentConfiguration: { minimumHealthyPercent: 50, maximumPercent: 150 },
  },
  "done while old ones run": {
    desiredCount: 2,
    deploymentConfiguration: {
      earlySuccessCriteria: { enable: true, healthyPercent: 50, sourceServiceRevisionCleanup: "DEFERRED" },
    },
  },
} as const satisfies Readonly<Record<string, ServiceSettings>>;

function pause(action: DeploymentLifecycleHookAction): DeploymentLifecycleHook {
  return {
    targetType: "PAUSE",
    lifecycleStages: ["POST_TEST_TRAFFIC_SHIFT"],
    timeoutConfiguration: { timeoutInMinutes: 10, action },
  };
}

/** The target beside the source, and traffic that goes over in stages. Each takes less than half an hour. */
export const staged = {
  "blue and green": { deploymentConfiguration: { strategy: "BLUE_GREEN", bakeTimeInMinutes: 5 } },
  "blue and green, with a pause": {
    deploymentConfiguration: {
      strategy: "BLUE_GREEN",
      bakeTimeInMinutes: 5,
      lifecycleHooks: [pause("ROLLBACK")],
    },
  },
  "blue and green, with a pause that ends": {
    deploymentConfiguration: {
      strategy: "BLUE_GREEN",
      bakeTimeInMinutes: 5,
      lifecycleHooks: [pause("CONTINUE")],
    },
  },
  canary: {
    desiredCount: 2,
    deploymentConfiguration: {
      strategy: "CANARY",
      bakeTimeInMinutes: 2,
      canaryConfiguration: { canaryPercent: 10, canaryBakeTimeInMinutes: 5 },
    },
  },
  linear: {
    desiredCount: 2,
    deploymentConfiguration: {
      strategy: "LINEAR",
      bakeTimeInMinutes: 2,
      linearConfiguration: { stepPercent: 25, stepBakeTimeInMinutes: 3 },
    },
  },
} as const satisfies Readonly<Record<string, ServiceSettings>>;

export type Strategy = keyof typeof strategies | keyof typeof staged;

export function serviceSettings(breaker: keyof typeof breakers, strategy: Strategy): ServiceSettings {
  const settings: ServiceSettings = { ...strategies, ...staged }[strategy];
  return { ...settings, deploymentConfiguration: { ...settings.deploymentConfiguration, ...breakers[breaker] } };
}
