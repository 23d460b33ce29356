import type { DeploymentConfiguration } from "@aws-sdk/client-ecs";
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

export function serviceSettings(breaker: keyof typeof breakers, strategy: keyof typeof strategies): ServiceSettings {
  const settings: ServiceSettings = strategies[strategy];
  return { ...settings, deploymentConfiguration: { ...settings.deploymentConfiguration, ...breakers[breaker] } };
}
