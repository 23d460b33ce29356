import type { DeploymentConfiguration } from "@aws-sdk/client-ecs";
import type { Rules } from "../rules.ts";

/**
 * How many failed tasks the deployment circuit breaker waits for. Asked anew each time: it follows the desired count.
 * Source: deployment-circuit-breaker.html in the developer guide, API_DeploymentCircuitBreaker.html.
 */
export function breakerThreshold(
  rules: Pick<Rules, "breakerPercent" | "breakerLeast" | "breakerMost">,
  { deploymentCircuitBreaker: breaker }: DeploymentConfiguration,
  desiredCount: number,
): number {
  const { type = "BOUNDED_PERCENT", value = rules.breakerPercent } = breaker?.thresholdConfiguration ?? {};
  if (type === "COUNT") return value;
  const share = Math.ceil((desiredCount * value) / 100);
  if (type === "UNBOUNDED_PERCENT") return Math.max(1, share);
  return Math.min(rules.breakerMost, Math.max(rules.breakerLeast, share));
}

/** Upper bound of RUNNING and PENDING tasks, lower bound of healthy ones. */
export function bounds(configuration: DeploymentConfiguration, desiredCount: number): { most: number; least: number } {
  const { maximumPercent = 200, minimumHealthyPercent = 100 } = configuration;
  return {
    most: Math.floor((desiredCount * maximumPercent) / 100),
    least: Math.ceil((desiredCount * minimumHealthyPercent) / 100),
  };
}
