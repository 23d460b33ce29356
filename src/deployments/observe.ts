import {
  DescribeServiceDeploymentsCommand,
  DescribeServiceRevisionsCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ListTasksCommand,
} from "@aws-sdk/client-ecs";
import type { EcsSend } from "../aws/ecs.ts";
import { isAwsError } from "../aws/error.ts";
import { type Untrusted, untrusted } from "../domain/evidence.ts";
import { digestSchema } from "../domain/identifiers.ts";
import { type Revision, sameRevision } from "../domain/verdict.ts";
import { type Digests, observed, revisionOf, type ServiceObservation } from "./service.ts";

/** DescribeServices takes ten. Source: API_DescribeServices in the ECS API reference. */
const mostServices = 10;

/**
 * Looks at services as they are now.
 * @returns by name as asked; null for a service that the cluster does not have.
 * @throws AwsError
 */
export async function observeServices(
  ecs: EcsSend,
  cluster: string,
  names: readonly string[],
): Promise<Readonly<Record<string, ServiceObservation | null>>> {
  const found: Record<string, ServiceObservation | null> = {};
  for (const batch of batches([...new Set(names)], mostServices)) {
    const { services = [] } = await ecs(new DescribeServicesCommand({ cluster, services: batch }), {
      resource: `cluster ${cluster}`,
    });
    const byName = new Map(services.map((service) => [service.serviceName, service]));
    for (const name of batch) {
      const service = byName.get(name);
      found[name] = service === undefined ? null : observed(service);
    }
  }
  return found;
}

/** What ECS says of one rollout as a whole. Source: API_ServiceDeployment in the ECS API reference. */
export interface ServiceDeploymentObservation {
  readonly arn: string;
  readonly status:
    | "PENDING"
    | "IN_PROGRESS"
    | "SUCCESSFUL"
    | "STOP_REQUESTED"
    | "STOPPED"
    | "ROLLBACK_REQUESTED"
    | "ROLLBACK_IN_PROGRESS"
    | "ROLLBACK_SUCCESSFUL"
    | "ROLLBACK_FAILED";
  readonly reason: Untrusted;
  readonly breakerTriggered: boolean;
  /** Names of the alarms that went off. */
  readonly alarms: readonly string[];
  /** What it replaces. */
  readonly sourceRevisionArns: readonly string[];
  /** Where it goes back to, once it does. */
  readonly rollbackRevisionArn: string | null;
}

/**
 * @returns null when ECS does not know it (yet).
 * @throws AwsError
 */
export async function observeServiceDeployment(
  ecs: EcsSend,
  arn: string,
): Promise<ServiceDeploymentObservation | null> {
  const command = new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [arn] });
  const { serviceDeployments: [deployment] = [] } = await ecs(command);
  if (deployment?.status === undefined) return null;
  return {
    arn,
    status: deployment.status,
    reason: untrusted(deployment.statusReason ?? ""),
    breakerTriggered: deployment.deploymentCircuitBreaker?.status === "TRIGGERED",
    alarms: deployment.alarms?.status === "TRIGGERED" ? (deployment.alarms.triggeredAlarmNames ?? []) : [],
    sourceRevisionArns: (deployment.sourceServiceRevisions ?? []).flatMap(({ arn: source }) => source ?? []),
    rollbackRevisionArn: deployment.rollback?.serviceRevisionArn ?? null,
  };
}

/** @returns the task definition of each service revision that ECS knows, by the revision's ARN. @throws AwsError */
export async function observeServiceRevisions(
  ecs: EcsSend,
  arns: readonly string[],
): Promise<Readonly<Record<string, ServiceRevision>>> {
  if (arns.length === 0) return {};
  const { serviceRevisions = [] } = await ecs(new DescribeServiceRevisionsCommand({ serviceRevisionArns: [...arns] }));
  return Object.fromEntries(
    serviceRevisions.map(({ serviceRevisionArn, taskDefinition, containerImages = [] }) => [
      serviceRevisionArn ?? "",
      {
        revision: revisionOf(taskDefinition),
        digests: digestsOf(containerImages.map(({ containerName, ...image }) => ({ name: containerName, ...image }))),
      },
    ]),
  );
}

export interface ServiceRevision {
  readonly revision: Revision | null;
  readonly digests: Digests;
}

/**
 * The digests that a service runs: as ECS resolved them for its service revision, or else as its running tasks report them.
 * @param to the task definition whose tasks are meant
 * @returns empty while ECS does not say.
 * @throws AwsError
 */
export async function observeDigests(
  ecs: EcsSend,
  cluster: string,
  service: ServiceObservation,
  to: Revision,
): Promise<Digests> {
  const resolved = await resolvedDigests(ecs, service, to);
  return Object.keys(resolved).length > 0 ? resolved : runningDigests(ecs, cluster, service, to);
}

/** Calls that came to ECS late, and that older policies do not allow: what they tell can be told in other ways too. */
export function isOptionalCallRefused(error: unknown): boolean {
  return isAwsError(error, "denied", "invalid", "not-found");
}

async function resolvedDigests(ecs: EcsSend, service: ServiceObservation, to: Revision): Promise<Digests> {
  try {
    const revisions = await observeServiceRevisions(ecs, service.serviceRevisionArns);
    return Object.values(revisions).find(({ revision }) => sameRevision(revision, to))?.digests ?? {};
  } catch (error) {
    if (isOptionalCallRefused(error)) return {};
    throw error;
  }
}

async function runningDigests(
  ecs: EcsSend,
  cluster: string,
  service: ServiceObservation,
  to: Revision,
): Promise<Digests> {
  const resource = `service ${service.name} in cluster ${cluster}`;
  const { taskArns = [] } = await ecs(
    new ListTasksCommand({ cluster, serviceName: service.name, desiredStatus: "RUNNING" }),
    { resource },
  );
  if (taskArns.length === 0) return {};
  const { tasks = [] } = await ecs(new DescribeTasksCommand({ cluster, tasks: taskArns }), { resource });
  const mine = tasks.filter(({ taskDefinitionArn }) => sameRevision(revisionOf(taskDefinitionArn), to));
  return digestsOf(mine.flatMap(({ containers = [] }) => containers));
}

interface ContainerImage {
  readonly name?: string | undefined;
  readonly image?: string | undefined;
  readonly imageDigest?: string | undefined;
}

/** A reference by digest is what was asked for; what it resolves to can be the manifest of one platform below it. */
function digestsOf(images: readonly ContainerImage[]): Digests {
  return Object.fromEntries(
    images.flatMap(({ name, image, imageDigest }) => {
      const digest = digestSchema.safeParse(image?.split("@")[1] ?? imageDigest);
      return name !== undefined && digest.success ? [[name, digest.data]] : [];
    }),
  );
}

function batches<Element>(elements: readonly Element[], most: number): Element[][] {
  const count = Math.ceil(elements.length / most);
  return Array.from({ length: count }, (_, index) => elements.slice(index * most, (index + 1) * most));
}
