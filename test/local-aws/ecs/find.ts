import { Refusal, type Bed } from "./bed.ts";
import { nameOf } from "./identifiers.ts";
import type { Cluster, Definition, Service, ServiceDeployment, ServiceRevision } from "./state.ts";

/** A name, or an ARN of this account and region: what lies elsewhere is not found here. */
export function isOwn({ account, region }: Bed, nameOrArn: string): boolean {
  return !nameOrArn.startsWith("arn:") || nameOrArn.startsWith(`arn:aws:ecs:${region}:${account}:`);
}

/** Finds what a request names, by name or ARN, and refuses in AWS's words when it is not there. */
export function findCluster(bed: Bed, nameOrArn: string | undefined): Cluster {
  const cluster = bed.state.clusters.get(nameOf(nameOrArn ?? "default"));
  if (cluster === undefined || !isOwn(bed, nameOrArn ?? ""))
    throw new Refusal("ClusterNotFoundException", "Cluster not found.");
  return cluster;
}

export function serviceKey(cluster: Cluster, nameOrArn: string): string {
  return `${cluster.name}/${nameOf(nameOrArn)}`;
}

export function findService(bed: Bed, cluster: Cluster, nameOrArn: string): Service {
  const service = bed.state.services.get(serviceKey(cluster, nameOrArn));
  if (service === undefined || !isOwn(bed, nameOrArn))
    throw new Refusal("ServiceNotFoundException", "Service not found.");
  return service;
}

/** @param reference `family`, `family:revision` or an ARN; the newest ACTIVE revision of a bare family. */
export function findDefinition(bed: Bed, reference: string): Definition {
  const [family = "", revision] = nameOf(reference).split(":");
  const revisions = bed.state.families.get(family) ?? [];
  const found =
    revision === undefined
      ? revisions.findLast(({ status }) => status === "ACTIVE")
      : revisions.find(({ content }) => content.revision === Number(revision));
  if (found === undefined || !isOwn(bed, reference))
    throw new Refusal("ClientException", "Unable to describe task definition.");
  return found;
}

/** The same, for something new: an INACTIVE revision cannot be used. */
export function findUsableDefinition(bed: Bed, reference: string): Definition {
  const [family = ""] = nameOf(reference).split(":");
  if (!bed.state.families.has(family)) throw new Refusal("ClientException", "TaskDefinition not found.");
  const definition = findDefinition(bed, reference);
  if (definition.status === "INACTIVE") throw new Refusal("ClientException", "TaskDefinition is inactive");
  return definition;
}

export function findServiceDeployment(
  bed: Bed,
  arn: string,
): { readonly service: Service; readonly deployment: ServiceDeployment } | null {
  for (const service of bed.state.services.values()) {
    const deployment = service.serviceDeployments.find((one) => one.arn === arn);
    if (deployment !== undefined) return { service, deployment };
  }
  return null;
}

export function findServiceRevision(
  bed: Bed,
  arn: string,
): { readonly service: Service; readonly revision: ServiceRevision } | null {
  for (const service of bed.state.services.values()) {
    const revision = service.revisions.find((one) => one.arn === arn);
    if (revision !== undefined) return { service, revision };
  }
  return null;
}
