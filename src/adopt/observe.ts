import { DescribeServicesCommand, ListClustersCommand, ListServicesCommand, type Tag } from "@aws-sdk/client-ecs";
import { nameOf } from "../aws/arn.ts";
import { batches } from "../aws/batches.ts";
import type { EcsSend } from "../aws/ecs.ts";
import { observeDigests, type SeenDigests, type ServiceObservation } from "../deployments/index.ts";
import { observed } from "../deployments/service.ts";
import { UserError } from "../domain/errors.ts";
import type { JsonMap } from "../domain/json.ts";
import type { Definition } from "../task-definitions/definition.ts";
import { definitionOf } from "../task-definitions/observe.ts";
import { kindOf, mapsIn, type ToldKind } from "./kind.ts";

/** Which services are meant; null: any. */
export interface Wanted {
  readonly cluster: string | null;
  /** What their names begin with. */
  readonly prefix: string | null;
  readonly tag: { readonly key: string; readonly value: string } | null;
  /** Name of the CloudFormation stack that made them. */
  readonly cloudFormationStack: string | null;
}

/** A service that runs a process of Dagster. */
export interface RunningService {
  readonly service: ServiceObservation;
  readonly definition: Definition;
  /** The container that runs it. */
  readonly container: JsonMap & { readonly name: string };
  readonly told: ToldKind;
  /** What its containers run; empty when nothing runs, or nobody may ask. */
  readonly digests: SeenDigests;
}

export interface RunningDagster {
  readonly cluster: string;
  /** By name. */
  readonly services: readonly RunningService[];
}

/** DescribeServices takes ten. Source: API_DescribeServices in the ECS API reference. */
const mostServices = 10;

/**
 * Looks for a Dagster in ECS. Reads, and changes nothing.
 * @throws UserError when there is none, or several clusters have one; AwsError
 */
export async function observeDagster(ecs: EcsSend, wanted: Wanted): Promise<RunningDagster> {
  const clusters = wanted.cluster === null ? await listClusters(ecs) : [wanted.cluster];
  const found: RunningDagster[] = [];
  for (const cluster of clusters) {
    const services = await observeCluster(ecs, cluster, wanted);
    if (services.length > 0) found.push({ cluster, services });
  }
  const [first, ...others] = found;
  if (first === undefined) throw nothingFound(clusters, wanted);
  if (others.length > 0)
    throw new UserError({
      what: `Several clusters run Dagster: ${found.map(({ cluster, services }) => `${cluster} (${services.map(({ service }) => service.name).join(", ")})`).join("; ")}.`,
      where: "Amazon ECS",
      fix: "Name one: `--cluster <name>`.",
    });
  return first;
}

async function observeCluster(ecs: EcsSend, cluster: string, wanted: Wanted): Promise<readonly RunningService[]> {
  const names = (await listServices(ecs, cluster)).filter((name) => name.startsWith(wanted.prefix ?? ""));
  const found: RunningService[] = [];
  for (const batch of batches(names.toSorted(), mostServices)) {
    const command = new DescribeServicesCommand({ cluster, services: batch, include: ["TAGS"] });
    const { services = [] } = await ecs(command, { resource: `cluster ${cluster}` });
    for (const one of services.toSorted((a, b) => ((a.serviceName ?? "") < (b.serviceName ?? "") ? -1 : 1))) {
      const service = observed(one);
      if (service.status !== "ACTIVE" || !isWanted(service, one.tags ?? [], wanted)) continue;
      const running = await runningOf(ecs, cluster, service);
      if (running !== null) found.push(running);
    }
  }
  return found;
}

function isWanted(
  { cloudFormationStack }: ServiceObservation,
  tags: readonly Tag[],
  { tag, cloudFormationStack: wanted }: Wanted,
): boolean {
  if (wanted !== null && cloudFormationStack !== wanted) return false;
  return tag === null || tags.some(({ key, value }) => key === tag.key && value === tag.value);
}

/** null: nothing of Dagster shows in it. */
async function runningOf(ecs: EcsSend, cluster: string, service: ServiceObservation): Promise<RunningService | null> {
  const { revision } = service;
  const definition = revision === null ? null : await definitionOf(ecs, revision);
  if (revision === null || definition === null) return null;
  const container = dagsterContainer(definition);
  if (container === null) return null;
  const digests = service.runningCount === 0 ? {} : await observeDigests(ecs, cluster, service, revision);
  return { service, definition, ...container, digests };
}

/** The container of a definition that runs Dagster: that which says so by its command, then by its port, then by a name. */
export function dagsterContainer({
  content,
  revision,
}: Pick<Definition, "content" | "revision">): Pick<RunningService, "container" | "told"> | null {
  const all = mapsIn(content["containerDefinitions"]).flatMap((container) => {
    const { name } = container;
    const told = kindOf(container, revision.family);
    return told === null || typeof name !== "string" ? [] : [{ container: { ...container, name }, told }];
  });
  return (
    (["command", "port", "name"] as const).map((by) => all.find(({ told }) => told.by === by)).find(Boolean) ?? null
  );
}

async function listClusters(ecs: EcsSend): Promise<readonly string[]> {
  const names: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await ecs(new ListClustersCommand({ nextToken }), { resource: "clusters of the account" });
    names.push(...(page.clusterArns ?? []).map(nameOf));
    ({ nextToken } = page);
  } while (nextToken !== undefined);
  return names.toSorted();
}

async function listServices(ecs: EcsSend, cluster: string): Promise<readonly string[]> {
  const names: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await ecs(new ListServicesCommand({ cluster, nextToken, maxResults: 100 }), {
      resource: `cluster ${cluster}`,
    });
    names.push(...(page.serviceArns ?? []).map(nameOf));
    ({ nextToken } = page);
  } while (nextToken !== undefined);
  return names;
}

function nothingFound(clusters: readonly string[], { prefix, tag, cloudFormationStack }: Wanted): UserError {
  const filters = [
    ...(prefix === null ? [] : [`named ${prefix}…`]),
    ...(tag === null ? [] : [`tagged ${tag.key}=${tag.value}`]),
    ...(cloudFormationStack === null ? [] : [`of the CloudFormation stack ${cloudFormationStack}`]),
  ];
  const which = filters.length === 0 ? "" : ` ${filters.join(" and ")}`;
  return new UserError({
    what: `No service${which} runs Dagster: neither a command, nor a port, nor a name says so.`,
    where: clusters.length === 0 ? "Amazon ECS: there is no cluster" : `cluster ${clusters.join(", ")}`,
    fix: "Check account, region (`AWS_REGION`) and `--cluster`. A container is known by its command (dagster-webserver, dagster-daemon, dagster api grpc), or by a name that holds dagster and says which.",
  });
}
