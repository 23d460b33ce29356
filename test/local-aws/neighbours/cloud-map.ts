import { Refusal, type Bed, type Operations } from "../ecs/bed.ts";
import { registeredInstances } from "../ecs/registered.ts";
import type { DiscoveryService } from "./state.ts";

/** Names under which tasks can be found. */
export const cloudMapOperations = {
  ListNamespaces: (bed) => ({
    Namespaces: [...bed.neighbours.namespaces.values()].map(({ id, arn, name }) => ({
      Id: id,
      Arn: arn,
      Name: name,
      Type: "DNS_PRIVATE",
    })),
  }),

  ListServices: (bed, input: { readonly Filters?: readonly ServiceFilter[] }) => ({
    Services: [...bed.neighbours.names.values()]
      .filter((service) =>
        (input.Filters ?? []).every(
          (filter) => filter.Name !== "NAMESPACE_ID" || filter.Values.includes(service.namespaceId),
        ),
      )
      .map(summary),
  }),

  GetService: (bed, input: { readonly Id: string }) => {
    const service = bed.neighbours.names.get(input.Id);
    if (service === undefined) throw new Refusal("ServiceNotFound", `Service not found: ${input.Id}`);
    return { Service: { ...summary(service), NamespaceId: service.namespaceId } };
  },

  DiscoverInstances: (bed, input: { readonly NamespaceName: string; readonly ServiceName: string }) => {
    const service = named(bed, input.NamespaceName, input.ServiceName);
    return {
      Instances: registeredInstances(bed, service.arn).map(({ taskId, address, healthy }) => ({
        InstanceId: taskId,
        NamespaceName: input.NamespaceName,
        ServiceName: input.ServiceName,
        HealthStatus: healthy ? "HEALTHY" : "UNHEALTHY",
        Attributes: { AWS_INSTANCE_IPV4: address },
      })),
    };
  },
} satisfies Operations;

interface ServiceFilter {
  readonly Name: string;
  readonly Values: readonly string[];
}

function summary({ id, arn, name, ttlSeconds }: DiscoveryService) {
  return { Id: id, Arn: arn, Name: name, DnsConfig: { DnsRecords: [{ Type: "A", TTL: ttlSeconds }] } };
}

function named(bed: Bed, namespaceName: string, serviceName: string): DiscoveryService {
  const namespace = [...bed.neighbours.namespaces.values()].find(({ name }) => name === namespaceName);
  if (namespace === undefined) throw new Refusal("NamespaceNotFound", `Namespace not found: ${namespaceName}`);
  const service = [...bed.neighbours.names.values()].find(
    ({ name, namespaceId }) => name === serviceName && namespaceId === namespace.id,
  );
  if (service === undefined) throw new Refusal("ServiceNotFound", `Service not found: ${serviceName}`);
  return service;
}
