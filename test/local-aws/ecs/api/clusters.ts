import type {
  Cluster as ClusterView,
  CreateClusterRequest,
  CreateClusterResponse,
  DescribeClustersRequest,
  DescribeClustersResponse,
  ListAccountSettingsResponse,
  ListClustersRequest,
  ListClustersResponse,
} from "@aws-sdk/client-ecs";
import type { Bed, Operations } from "../bed.ts";
import { nameOf } from "../identifiers.ts";
import { pageOf } from "../pages.ts";
import type { Cluster } from "../state.ts";

export const clusterOperations = {
  CreateCluster: (bed, { clusterName = "default", tags }: CreateClusterRequest): CreateClusterResponse => {
    const cluster: Cluster = bed.state.clusters.get(clusterName) ?? {
      name: clusterName,
      arn: bed.names.arn("cluster", clusterName),
    };
    bed.state.clusters.set(clusterName, cluster);
    if (tags !== undefined) bed.state.tags.set(cluster.arn, tags);
    return { cluster: view(bed, cluster) };
  },

  DescribeClusters: (bed, { clusters = ["default"] }: DescribeClustersRequest): DescribeClustersResponse => {
    const found = clusters.map((name) => bed.state.clusters.get(nameOf(name)));
    return {
      clusters: found.flatMap((cluster) => (cluster === undefined ? [] : [view(bed, cluster)])),
      failures: clusters
        .filter((_name, index) => found[index] === undefined)
        .map((name) => ({ arn: bed.names.arn("cluster", nameOf(name)), reason: "MISSING" })),
    };
  },

  ListClusters: (bed, input: ListClustersRequest): ListClustersResponse => {
    const arns = [...bed.state.clusters.values()].map(({ arn }) => arn);
    const { elements, nextToken } = pageOf(arns, input, bed.rules.pageMost, bed.rules.pageMost);
    return { clusterArns: [...elements], nextToken };
  },

  /** Dagster's launcher asks whether long ARNs are on. */
  ListAccountSettings: (bed): ListAccountSettingsResponse => ({
    settings: (["serviceLongArnFormat", "taskLongArnFormat", "containerInstanceLongArnFormat"] as const).map(
      (name) => ({
        name,
        value: "enabled",
        principalArn: `arn:aws:iam::${bed.account}:root`,
      }),
    ),
  }),
} satisfies Operations;

function view(bed: Bed, cluster: Cluster): ClusterView {
  const tasks = [...bed.state.tasks.values()].filter((task) => task.cluster === cluster);
  const services = [...bed.state.services.values()].filter((service) => service.cluster === cluster);
  return {
    clusterArn: cluster.arn,
    clusterName: cluster.name,
    status: "ACTIVE",
    registeredContainerInstancesCount: 0,
    runningTasksCount: tasks.filter(({ lastStatus }) => lastStatus === "RUNNING").length,
    pendingTasksCount: tasks.filter(({ lastStatus }) => lastStatus === "PENDING").length,
    activeServicesCount: services.filter(({ status }) => status === "ACTIVE").length,
    statistics: [],
    tags: [...(bed.state.tags.get(cluster.arn) ?? [])],
    settings: [],
    capacityProviders: [],
    defaultCapacityProviderStrategy: [],
  };
}
