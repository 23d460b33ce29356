import { DescribeServicesCommand, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../aws/ecs.ts";
import { UserError } from "../domain/errors.ts";
import { type ReplacementSettings, sameSettings, showSettings } from "../domain/plan.ts";
import { present } from "./preconditions.ts";
import { whereIs } from "./request.ts";
import { observed, settingsOf } from "./service.ts";

/** Changes how a service replaces its tasks. */
export interface SettingsRequest {
  readonly cluster: string;
  /** Name of the ECS service. */
  readonly service: string;
  /** As they were when this was asked for. */
  readonly from: ReplacementSettings;
  readonly to: ReplacementSettings;
}

/**
 * Sets percentages and circuit breaker, and leaves all else of the deployment configuration as it is: no deployment begins by it.
 * Source: deploymentConfiguration in API_UpdateService of the ECS API reference.
 * @throws UserError when somebody has set something else meanwhile, before any write; AwsError
 */
export async function applySettings(
  ecs: EcsSend,
  { cluster, service: name, from, to }: SettingsRequest,
): Promise<"changed" | "unchanged"> {
  const where = whereIs({ cluster, service: name });
  const { services = [] } = await ecs(new DescribeServicesCommand({ cluster, services: [name] }), { resource: where });
  const [service] = services;
  const now = settingsOf(present({ cluster, service: name }, service === undefined ? null : observed(service)).rollout);
  if (sameSettings(now, to)) return "unchanged";
  if (!sameSettings(now, from)) {
    throw new UserError({
      what: `Service ${name} replaces its tasks with ${showSettings(now)}; when this was planned it was ${showSettings(from)}: somebody has set it since.`,
      where,
      fix: "Run it again: it is planned anew.",
    });
  }
  // What a configuration leaves out may be taken for its default: it is given as a whole.
  const before = service?.deploymentConfiguration;
  const deploymentConfiguration = {
    ...before,
    minimumHealthyPercent: to.minimumHealthyPercent,
    maximumPercent: to.maximumPercent,
    deploymentCircuitBreaker: {
      ...before?.deploymentCircuitBreaker,
      enable: to.breaker !== "off",
      rollback: to.breaker === "rolls-back",
    },
  };
  const command = new UpdateServiceCommand({ cluster, service: name, deploymentConfiguration });
  await ecs(command, { resource: where, idempotent: true });
  return "changed";
}
