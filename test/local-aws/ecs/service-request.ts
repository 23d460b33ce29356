import type {
  CreateServiceRequest,
  DeploymentConfiguration,
  NetworkConfiguration,
  UpdateServiceRequest,
} from "@aws-sdk/client-ecs";
import { Refusal, type Bed } from "./bed.ts";
import type { Definition, ServiceShape } from "./state.ts";

/** What a request to create or update a service asks for, in the shape that the service keeps. */
type Request = CreateServiceRequest | UpdateServiceRequest;

const settingNames = [
  "capacityProviderStrategy",
  "loadBalancers",
  "networkConfiguration",
  "placementConstraints",
  "placementStrategy",
  "platformVersion",
  "propagateTags",
  "serviceConnectConfiguration",
  "serviceRegistries",
  "volumeConfigurations",
  "enableECSManagedTags",
  "enableExecuteCommand",
] as const satisfies readonly (keyof ServiceShape["settings"])[];

/** The settings that the request names; what it leaves out stays as it is. */
export function settingsOf(request: Request): ServiceShape["settings"] {
  const given = settingNames.filter((name) => request[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, request[name]]));
}

/** Percentages that a request leaves out stay; a breaker is replaced as a whole. */
export function configurationOf(
  given: DeploymentConfiguration | undefined,
  before: DeploymentConfiguration | undefined,
): DeploymentConfiguration {
  const usual: DeploymentConfiguration = {
    maximumPercent: 200,
    minimumHealthyPercent: 100,
    strategy: "ROLLING",
    deploymentCircuitBreaker: { enable: false, rollback: false },
  };
  const configuration = { ...usual, ...before, ...given };
  const { maximumPercent = 200, minimumHealthyPercent = 100, deploymentCircuitBreaker: breaker } = configuration;
  const refuse = (message: string) => {
    throw new Refusal("InvalidParameterException", message);
  };
  if (maximumPercent < 100 || maximumPercent > 200) refuse("maximumPercent must be between 100 and 200.");
  if (minimumHealthyPercent < 0 || minimumHealthyPercent > 100) {
    refuse("minimumHealthyPercent must be between 0 and 100.");
  }
  if (maximumPercent === 100 && minimumHealthyPercent === 100) {
    refuse("Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.");
  }
  const threshold = breaker?.thresholdConfiguration;
  const most = threshold?.type === "COUNT" ? Number.POSITIVE_INFINITY : 100;
  if (threshold !== undefined && ((threshold.value ?? 0) < 1 || (threshold.value ?? 0) > most)) {
    refuse("thresholdConfiguration.value is out of range.");
  }
  return configuration;
}

/** What this bed does not play is refused aloud, so that no test rests on it. */
export function checkPlayed(request: Request): void {
  const strategy = request.deploymentConfiguration?.strategy ?? "ROLLING";
  const controller = ("deploymentController" in request ? request.deploymentController?.type : undefined) ?? "ECS";
  const scheduling = ("schedulingStrategy" in request ? request.schedulingStrategy : undefined) ?? "REPLICA";
  const { alarms, bakeTimeInMinutes, lifecycleHooks } = request.deploymentConfiguration ?? {};
  const unplayed = [
    controller === "ECS" ? null : `deployment controller ${controller}`,
    scheduling === "REPLICA" ? null : `scheduling strategy ${scheduling}`,
    alarms?.enable === true ? "deployment alarms" : null,
    strategy === "ROLLING" && (bakeTimeInMinutes ?? 0) > 0 ? "a bake time of rolling updates" : null,
    strategy === "ROLLING" && (lifecycleHooks ?? []).length > 0 ? "lifecycle hooks of rolling updates" : null,
    (lifecycleHooks ?? []).some(({ targetType }) => targetType !== "PAUSE") ? "lifecycle hooks but pauses" : null,
  ].find((what) => what !== null);
  if (typeof unplayed === "string") {
    throw new Refusal("UnsupportedFeatureException", `local-aws does not play ${unplayed}`);
  }
}

/** A definition says what it is made for, and AWS refuses to start it as anything else. */
export function checkLaunchType({ content }: Definition, launchType: string | undefined): void {
  if (launchType !== "FARGATE" && launchType !== "EC2") return;
  const made = content.requiresCompatibilities ?? (content.networkMode === "awsvpc" ? [launchType] : ["EC2"]);
  if (made.includes(launchType)) return;
  throw new Refusal("InvalidParameterException", `Task definition does not support launch_type ${launchType}.`);
}

/** Source: API_AwsVpcConfiguration in the ECS API reference. */
const mostSubnets = 16;
const mostGroups = 5;

function refuseNetwork(message: string): never {
  throw new Refusal("InvalidParameterException", message);
}

/** A task with an address of its own needs to be told where; subnets and groups must exist where any are known. */
export function checkNetwork(bed: Bed, definition: Definition, network: NetworkConfiguration | undefined): void {
  if (definition.content.networkMode !== "awsvpc") return;
  const configuration = network?.awsvpcConfiguration;
  if (configuration?.subnets === undefined || configuration.subnets.length === 0) {
    throw new Refusal(
      "InvalidParameterException",
      "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
    );
  }
  if (configuration.subnets.length > mostSubnets) refuseNetwork("At most 16 subnets can be specified.");
  if ((configuration.securityGroups ?? []).length > mostGroups) {
    refuseNetwork("At most 5 security groups can be specified.");
  }
  const { subnets, securityGroups } = bed.neighbours;
  const subnet = configuration.subnets.find((id) => subnets.size > 0 && !subnets.has(id));
  if (subnet !== undefined) {
    throw new Refusal("InvalidParameterException", `Error retrieving subnet information for [${subnet}]: not found`);
  }
  const group = configuration.securityGroups?.find((id) => securityGroups.size > 0 && !securityGroups.has(id));
  if (group !== undefined) {
    throw new Refusal(
      "InvalidParameterException",
      `Error retrieving security group information for [${group}]: not found`,
    );
  }
}
