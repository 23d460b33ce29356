import type {
  CreateServiceRequest,
  CreateServiceResponse,
  DeleteServiceRequest,
  DeleteServiceResponse,
  DescribeServicesRequest,
  DescribeServicesResponse,
  ListServicesRequest,
  ListServicesResponse,
  Service as ServiceView,
  UpdateServiceRequest,
  UpdateServiceResponse,
} from "@aws-sdk/client-ecs";
import { Refusal, type Bed, type CallContext, type Given, type Operations } from "../bed.ts";
import { beginDeployment } from "../deployments.ts";
import { findCluster, findService, findUsableDefinition, isOwn, serviceKey } from "../find.ts";
import { nameOf } from "../identifiers.ts";
import { atMost, pageOf } from "../pages.ts";
import { serviceView } from "../service-view.ts";
import { primaryOf, type Service, type ServiceShape } from "../state.ts";
import { checkLaunchType, checkNetwork, checkPlayed, configurationOf, settingsOf } from "../service-request.ts";
import { setTags, tagsOf } from "./tags.ts";

export const serviceOperations = {
  CreateService: (
    bed,
    input: Given<CreateServiceRequest, "serviceName">,
    { caller }: CallContext,
  ): CreateServiceResponse => {
    const { serviceName, desiredCount } = input;
    const cluster = findCluster(bed, input.cluster);
    checkPlayed(input);
    checkCount(desiredCount);
    if (desiredCount === undefined) throw new Refusal("InvalidParameterException", "desiredCount is required.");
    const before = bed.state.services.get(serviceKey(cluster, serviceName));
    if (before?.status === "ACTIVE") {
      throw new Refusal("InvalidParameterException", "Creation of service was not idempotent.");
    }
    if (before?.status === "DRAINING") {
      throw new Refusal("InvalidParameterException", "Unable to Start a service that is still Draining.");
    }
    const definition = findUsableDefinition(bed, input.taskDefinition ?? "");
    const shape: ServiceShape = { definition, settings: settingsOf(input) };
    checkNetwork(bed, definition, input.networkConfiguration);
    checkLaunchType(definition, input.launchType);
    checkContainers(shape);
    const service: Service = {
      name: serviceName,
      arn: bed.names.arn("service", cluster.name, serviceName),
      cluster,
      createdAt: bed.time.now(),
      createdBy: `arn:aws:iam::${bed.account}:role/${caller}`,
      launchType: input.launchType === "EC2" ? "EC2" : "FARGATE",
      status: "ACTIVE",
      desiredCount,
      shape,
      configuration: configurationOf(input.deploymentConfiguration, undefined),
      healthCheckGracePeriodSeconds: input.healthCheckGracePeriodSeconds,
      availabilityZoneRebalancing: input.availabilityZoneRebalancing,
      deployments: [],
      serviceDeployments: [],
      revisions: [],
      events: [],
      lastCompleted: null,
      launches: { failed: 0, held: false },
      steady: false,
      woken: false,
    };
    setTags(bed, service.arn, input.tags ?? []);
    bed.state.services.set(serviceKey(cluster, serviceName), service);
    beginDeployment(bed, service, shape);
    bed.wake(service);
    return { service: withTags(bed, serviceView(bed, service)) };
  },

  UpdateService: (bed, input: Given<UpdateServiceRequest, "service">): UpdateServiceResponse => {
    const service = findService(bed, findCluster(bed, input.cluster), input.service);
    if (service.status !== "ACTIVE") throw new Refusal("ServiceNotActiveException", "Service was not ACTIVE.");
    checkPlayed(input);
    checkCount(input.desiredCount);
    const asked = input.taskDefinition === undefined ? null : findUsableDefinition(bed, input.taskDefinition);
    const definition = asked ?? service.shape.definition;
    const settings = { ...service.shape.settings, ...settingsOf(input) };
    const shape: ServiceShape = { definition, settings };
    checkNetwork(bed, definition, settings.networkConfiguration);
    checkLaunchType(definition, service.launchType);
    checkContainers(shape);
    const configuration = configurationOf(input.deploymentConfiguration, service.configuration);
    // Nothing is refused from here on.
    const scaled = setDesiredCount(bed, service, input.desiredCount);
    service.configuration = configuration;
    service.healthCheckGracePeriodSeconds =
      input.healthCheckGracePeriodSeconds ?? service.healthCheckGracePeriodSeconds;
    service.availabilityZoneRebalancing = input.availabilityZoneRebalancing ?? service.availabilityZoneRebalancing;
    const changes =
      definition !== service.shape.definition ||
      JSON.stringify(settings) !== JSON.stringify(service.shape.settings) ||
      (scaled && bed.rules.desiredCountDeploys);
    if (changes || input.forceNewDeployment === true) beginDeployment(bed, service, shape);
    bed.wake(service);
    return { service: serviceView(bed, service) };
  },

  DeleteService: (bed, input: Given<DeleteServiceRequest, "service">): DeleteServiceResponse => {
    const service = findService(bed, findCluster(bed, input.cluster), input.service);
    if (service.status === "INACTIVE") throw new Refusal("ServiceNotFoundException", "Service not found.");
    if (service.desiredCount > 0 && input.force !== true) {
      throw new Refusal("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.");
    }
    service.status = "DRAINING";
    service.serviceDeployments = [];
    bed.wake(service);
    return { service: serviceView(bed, service) };
  },

  DescribeServices: (
    bed,
    input: Given<DescribeServicesRequest, "services">,
    { stale }: CallContext,
  ): DescribeServicesResponse => {
    const { services: names, include = [] } = input;
    const cluster = findCluster(bed, input.cluster);
    if (names.length === 0) throw new Refusal("InvalidParameterException", "Services cannot be empty.");
    atMost(bed.rules.describeServicesMost, names, "services");
    const seen = (name: string): ServiceView | undefined => {
      if (!isOwn(bed, name)) return undefined;
      const key = serviceKey(cluster, name);
      if (stale) return bed.before?.services.get(key);
      const service = bed.state.services.get(key);
      return service === undefined ? undefined : serviceView(bed, service);
    };
    const views = names.map(seen);
    return {
      services: views.flatMap((view) =>
        view === undefined ? [] : [include.includes("TAGS") ? withTags(bed, view) : view],
      ),
      failures: names
        .filter((_name, index) => views[index] === undefined)
        .map((name) => ({ arn: bed.names.arn("service", cluster.name, nameOf(name)), reason: "MISSING" })),
    };
  },

  ListServices: (bed, input: ListServicesRequest): ListServicesResponse => {
    const cluster = findCluster(bed, input.cluster);
    const arns = [...bed.state.services.values()]
      .filter((service) => service.cluster === cluster && service.status !== "INACTIVE")
      .map(({ arn }) => arn);
    const { elements, nextToken } = pageOf(arns, input, bed.rules.listServicesPage, bed.rules.pageMost);
    return { serviceArns: [...elements], nextToken };
  },
} satisfies Operations;

function checkCount(desiredCount: number | undefined): void {
  if ((desiredCount ?? 0) >= 0) return;
  throw new Refusal("InvalidParameterException", "desiredCount must not be negative.");
}

/** @returns whether it is another count than before */
function setDesiredCount(bed: Bed, service: Service, desiredCount: number | undefined): boolean {
  if (desiredCount === undefined || desiredCount === service.desiredCount) return false;
  const more = desiredCount - service.desiredCount;
  const source = service.lastCompleted;
  service.desiredCount = desiredCount;
  service.steady = false;
  // During a rollout, both revisions are scaled out: API notes of 2025-11, see `replacesFromOwnRevision`.
  if (source !== null && source !== primaryOf(service) && bed.rules.replacesFromOwnRevision) {
    source.wanted = Math.min(desiredCount, source.wanted + Math.max(0, more));
  }
  return true;
}

function withTags(bed: Bed, view: ServiceView): ServiceView {
  return { ...view, tags: view.serviceArn === undefined ? [] : tagsOf(bed, view.serviceArn) };
}

function checkContainers({ definition, settings }: ServiceShape): void {
  const names = (definition.content.containerDefinitions ?? []).map(({ name }) => name);
  for (const { containerName, containerPort } of settings.loadBalancers ?? []) {
    const container = definition.content.containerDefinitions?.find(({ name }) => name === containerName);
    if (container === undefined) {
      throw new Refusal(
        "InvalidParameterException",
        `The container ${containerName ?? ""} does not exist in the task definition. (it has ${names.join(", ")})`,
      );
    }
    if (container.portMappings?.some((mapping) => mapping.containerPort === containerPort) !== true) {
      throw new Refusal(
        "InvalidParameterException",
        `The container ${containerName ?? ""} did not have a container port ${containerPort ?? ""} defined.`,
      );
    }
  }
}
