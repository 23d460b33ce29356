import type { Neighbours, TargetGroup } from "../neighbours/state.ts";

/** The network of one stack, and the ways to make its services known in it. */
export interface Network {
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
  /** A name under the stack's namespace: `code.deal-flow.local`. */
  addName(key: string): { readonly arn: string; readonly host: string };
  addTargetGroup(key: string, port: number): TargetGroup;
}

/** Two private subnets in two zones, one security group, one namespace, one internal load balancer. */
export function addNetwork(neighbours: Neighbours, region: string, account: string, stack: string): Network {
  const vpcId = "vpc-0a11ce";
  const tags = { Name: stack };
  neighbours.vpcs.set(vpcId, { id: vpcId, cidr: "10.0.0.0/16", tags });
  const subnetIds = ["a", "b"].map((zone, at) => {
    const id = `subnet-0a11ce${zone}`;
    neighbours.subnets.set(id, { id, vpcId, cidr: `10.0.${at}.0/24`, availabilityZone: `${region}${zone}`, tags });
    return id;
  });
  const securityGroupId = "sg-0a11ce";
  // As a VPC's own group is made: everything from its members, everything out.
  // Source: https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html
  neighbours.securityGroups.set(securityGroupId, {
    id: securityGroupId,
    name: `${stack}-tasks`,
    vpcId,
    tags,
    ingress: [{ protocol: "-1", groups: [securityGroupId] }],
    egress: [{ protocol: "-1", cidrs: ["0.0.0.0/0"] }],
  });

  const namespace = { id: `ns-${stack}`, name: `${stack}.local` };
  const discovery = `arn:aws:servicediscovery:${region}:${account}`;
  neighbours.namespaces.set(namespace.id, { ...namespace, arn: `${discovery}:namespace/${namespace.id}` });
  const balancing = `arn:aws:elasticloadbalancing:${region}:${account}`;
  return {
    subnetIds,
    securityGroupIds: [securityGroupId],
    addName: (key) => {
      const id = `srv-${stack}-${key}`;
      const arn = `${discovery}:service/${id}`;
      neighbours.names.set(id, { id, arn, name: key, namespaceId: namespace.id, ttlSeconds: 1 });
      return { arn, host: `${key}.${namespace.name}` };
    },
    addTargetGroup: (key, port) => {
      const name = `${stack}-${key}`;
      const group: TargetGroup = {
        arn: `${balancing}:targetgroup/${name}/0a11ce0a11ce0a11`,
        name,
        vpcId,
        port,
        protocol: "HTTP",
        // The shortest that AWS allows.
        healthCheck: {
          path: "/server_info",
          port: "traffic-port",
          intervalSeconds: 5,
          timeoutSeconds: 4,
          healthyThreshold: 2,
          unhealthyThreshold: 2,
          matcher: "200",
        },
        deregistrationDelaySeconds: 0,
      };
      neighbours.targetGroups.set(group.arn, group);
      neighbours.loadBalancers.set(
        `${balancing}:loadbalancer/app/${name}/0a11ce0a11ce0a11`,
        internalBalancer(group, balancing, subnetIds, securityGroupId),
      );
      return group;
    },
  };
}

function internalBalancer(
  group: TargetGroup,
  balancing: string,
  subnetIds: readonly string[],
  securityGroupId: string,
) {
  const id = `app/${group.name}/0a11ce0a11ce0a11`;
  return {
    arn: `${balancing}:loadbalancer/${id}`,
    name: group.name,
    dnsName: `internal-${group.name}.elb.amazonaws.com`,
    scheme: "internal",
    vpcId: group.vpcId,
    subnetIds,
    securityGroupIds: [securityGroupId],
    listeners: [
      {
        arn: `${balancing}:listener/${id}/1`,
        port: 80,
        protocol: "HTTP",
        rules: [
          {
            arn: `${balancing}:listener-rule/${id}/1/1`,
            priority: "default",
            action: { kind: "forward", targetGroupArn: group.arn },
          },
        ],
      },
    ],
  } as const;
}
