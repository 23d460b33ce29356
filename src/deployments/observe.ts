import {
  DescribeServiceDeploymentsCommand,
  DescribeServiceRevisionsCommand,
  DescribeServicesCommand,
  ListServiceDeploymentsCommand,
} from "@aws-sdk/client-ecs";
import { batches } from "../aws/batches.ts";
import type { EcsSend } from "../aws/ecs.ts";
import { isAwsError } from "../aws/error.ts";
import { type Untrusted, untrusted } from "../domain/evidence.ts";
import { type Digest, digestSchema } from "../domain/identifiers.ts";
import { type Revision, sameRevision } from "../domain/verdict.ts";
import { observed, revisionOf, type SeenDigests, type ServiceObservation, settledRevision } from "./service.ts";
import { readTasks } from "./stopped-tasks/read.ts";

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
    const { services = [] } = await ecs(new DescribeServicesCommand({ cluster, services: batch, include: ["TAGS"] }), {
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
  /** `SCALE_UP`, `BAKE_TIME` …; null where ECS names none, as in rolling updates. */
  readonly stage: string | null;
  /** Hooks that it has not passed. */
  readonly waiting: readonly WaitingHook[];
  /** Ids of hooks that failed, or whose time is over, where that ends the rollout. */
  readonly failedHooks: readonly string[];
  readonly reason: Untrusted;
  readonly breakerTriggered: boolean;
  /** Names of the alarms that went off. */
  readonly alarms: readonly string[];
  /** What it brings; also while it goes back from that. */
  readonly targetRevisionArn: string | null;
  /** What it replaces. */
  readonly sourceRevisionArns: readonly string[];
  /** Where it goes back to, once it does. */
  readonly rollbackRevisionArn: string | null;
}

/** A lifecycle hook that holds a rollout up. Source: API_DeploymentLifecycleHookDetail in the ECS API reference. */
export interface WaitingHook {
  readonly id: string;
  /** It is a pause: somebody has to continue it, or turn it back. */
  readonly awaitsAction: boolean;
  /** When ECS waits no longer, in milliseconds since 1970, and what it does then; null where it does not say. */
  readonly expiresAt: number | null;
  readonly timeoutAction: string | null;
}

/** It goes into words of our own. */
function hookName(id = ""): string {
  return /^[\w:/.-]{1,256}$/.test(id) ? id : "of a strange name";
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
    stage: deployment.lifecycleStage ?? null,
    waiting: (deployment.lifecycleHookDetails ?? [])
      .filter(({ status }) => status === "AWAITING_ACTION" || status === "IN_PROGRESS")
      .map(({ hookId, status, expiresAt, timeoutAction }) => ({
        id: hookName(hookId),
        awaitsAction: status === "AWAITING_ACTION",
        expiresAt: expiresAt?.getTime() ?? null,
        timeoutAction: timeoutAction ?? null,
      })),
    failedHooks: (deployment.lifecycleHookDetails ?? []).flatMap(({ hookId, status, timeoutAction }) =>
      status === "FAILED" || (status === "TIMED_OUT" && timeoutAction !== "CONTINUE") ? [hookName(hookId)] : [],
    ),
    reason: untrusted(deployment.statusReason ?? ""),
    breakerTriggered: deployment.deploymentCircuitBreaker?.status === "TRIGGERED",
    alarms: deployment.alarms?.status === "TRIGGERED" ? (deployment.alarms.triggeredAlarmNames ?? []) : [],
    targetRevisionArn: deployment.targetServiceRevision?.arn ?? null,
    sourceRevisionArns: (deployment.sourceServiceRevisions ?? []).flatMap(({ arn: source }) => source ?? []),
    rollbackRevisionArn: deployment.rollback?.serviceRevisionArn ?? null,
  };
}

/**
 * @param since when the deployment began, by the clock of ECS, in milliseconds since 1970
 * @returns null unless exactly one was begun since then: of several nothing says which it is.
 * @throws AwsError
 */
export async function onlyServiceDeployment(
  ecs: EcsSend,
  cluster: string,
  service: string,
  since: number,
): Promise<string | null> {
  // `after` leaves out the moment itself.
  const createdAt = { after: new Date(since - 1000) };
  const command = new ListServiceDeploymentsCommand({ cluster, service, createdAt });
  const { serviceDeployments = [] } = await ecs(command, { resource: `service ${service} in cluster ${cluster}` });
  return serviceDeployments.length === 1 ? (serviceDeployments[0]?.serviceDeploymentArn ?? null) : null;
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
  readonly digests: SeenDigests;
}

/**
 * The digests that a service runs: as ECS resolved them for its service revision, or else as its running tasks report them.
 * @param to the task definition whose tasks are meant
 * @param wanted containers that must be among them, if anything tells of them
 * @returns empty while ECS does not say.
 * @throws AwsError
 */
export async function observeDigests(
  ecs: EcsSend,
  cluster: string,
  service: ServiceObservation,
  to: Revision,
  wanted: readonly string[] = [],
): Promise<SeenDigests> {
  const resolved = await resolvedDigests(ecs, service, to);
  const isEnough = Object.keys(resolved).length > 0 && wanted.every((container) => resolved[container] !== undefined);
  return isEnough ? resolved : { ...resolved, ...(await runningDigests(ecs, cluster, service, to)) };
}

/** Calls that came to ECS late, and that older policies do not allow: what they tell can be told in other ways too. */
export function isOptionalCallRefused(error: unknown): boolean {
  return isAwsError(error, "denied", "invalid", "not-found");
}

async function resolvedDigests(ecs: EcsSend, service: ServiceObservation, to: Revision): Promise<SeenDigests> {
  try {
    const revisions = await observeServiceRevisions(ecs, service.serviceRevisionArns);
    return Object.values(revisions).find(({ revision }) => sameRevision(revision, to))?.digests ?? {};
  } catch (error) {
    if (isOptionalCallRefused(error)) return {};
    throw error;
  }
}

/** Of every task: one that runs another image than the others must not be hidden by them. */
async function runningDigests(
  ecs: EcsSend,
  cluster: string,
  { name }: ServiceObservation,
  to: Revision,
): Promise<SeenDigests> {
  const tasks = await readTasks(ecs, { cluster, service: name }, "RUNNING", new Set());
  const mine = tasks.filter(
    ({ taskDefinitionArn, lastStatus }) => lastStatus === "RUNNING" && sameRevision(revisionOf(taskDefinitionArn), to),
  );
  return digestsOf(mine.flatMap(({ containers = [] }) => containers));
}

interface ContainerImage {
  readonly name?: string | undefined;
  readonly image?: string | undefined;
  readonly imageDigest?: string | undefined;
}

/**
 * A reference by digest is what was asked for; what it resolves to can be the manifest of one platform below it. A container of
 * which one task does not tell is left out: what it runs is not known.
 */
function digestsOf(images: readonly ContainerImage[]): SeenDigests {
  const seen = new Map<string, Set<Digest | null>>();
  for (const { name = "", image, imageDigest } of images) {
    const digest = digestSchema.safeParse(image?.split("@")[1] ?? imageDigest);
    seen.set(name, (seen.get(name) ?? new Set()).add(digest.success ? digest.data : null));
  }
  return Object.fromEntries(
    [...seen].flatMap(([name, digests]) => {
      const known = [...digests].filter((digest) => digest !== null);
      return known.length === digests.size ? [[name, known]] : [];
    }),
  );
}

/**
 * What a service has come to run, also where ECS lists nothing any more but what somebody is bringing it to: its service deployment
 * names what it began with.
 * @returns null: nothing; or nobody can tell, as where several ran then
 * @throws AwsError
 */
export async function observeSettledRevision(ecs: EcsSend, service: ServiceObservation): Promise<Revision | null> {
  const listed = settledRevision(service);
  const arn = service.serviceDeploymentArn;
  if (listed !== null || arn === null) return listed;
  try {
    const { sourceRevisionArns = [], targetRevisionArn = null } = (await observeServiceDeployment(ecs, arn)) ?? {};
    const [source, ...more] = sourceRevisionArns;
    if (source === undefined || more.length > 0 || targetRevisionArn === null) return null;
    const { [source]: from, [targetRevisionArn]: to } = await observeServiceRevisions(ecs, [source, targetRevisionArn]);
    // It may be about an older rollout.
    return to !== undefined && sameRevision(to.revision, service.primary?.revision ?? null)
      ? (from?.revision ?? null)
      : null;
  } catch (error) {
    if (isOptionalCallRefused(error)) return null;
    throw error;
  }
}
