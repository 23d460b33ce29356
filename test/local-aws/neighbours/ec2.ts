import { Refusal, type Bed, type Operations } from "../ecs/bed.ts";
import type { Task } from "../ecs/state.ts";
import type { SecurityRule, Tagged } from "./state.ts";

/** The reads of EC2 that a deployer makes, by id and by filter. */
export const ec2Operations = {
  DescribeVpcs: (bed, input: Query & { readonly VpcIds?: readonly string[] }) => ({
    Vpcs: select(bed.neighbours.vpcs, input.VpcIds, input.Filters, "InvalidVpcID.NotFound", (vpc) => ({
      "vpc-id": vpc.id,
      cidr: vpc.cidr,
    })).map((vpc) => ({ VpcId: vpc.id, CidrBlock: vpc.cidr, State: "available", Tags: tagsOf(vpc) })),
  }),

  DescribeSubnets: (bed, input: Query & { readonly SubnetIds?: readonly string[] }) => ({
    Subnets: select(bed.neighbours.subnets, input.SubnetIds, input.Filters, "InvalidSubnetID.NotFound", (subnet) => ({
      "subnet-id": subnet.id,
      "vpc-id": subnet.vpcId,
      "availability-zone": subnet.availabilityZone,
      "map-public-ip-on-launch": String(subnet.mapPublicIpOnLaunch ?? false),
    })).map((subnet) => ({
      SubnetId: subnet.id,
      VpcId: subnet.vpcId,
      CidrBlock: subnet.cidr,
      AvailabilityZone: subnet.availabilityZone,
      MapPublicIpOnLaunch: subnet.mapPublicIpOnLaunch ?? false,
      State: "available",
      AvailableIpAddressCount: 250,
      Tags: tagsOf(subnet),
    })),
  }),

  DescribeSecurityGroups: (bed, input: Query & { readonly GroupIds?: readonly string[] }) => ({
    SecurityGroups: select(
      bed.neighbours.securityGroups,
      input.GroupIds,
      input.Filters,
      "InvalidGroup.NotFound",
      (group) => ({ "group-id": group.id, "group-name": group.name, "vpc-id": group.vpcId }),
    ).map((group) => ({
      GroupId: group.id,
      GroupName: group.name,
      Description: group.name,
      VpcId: group.vpcId,
      OwnerId: bed.account,
      IpPermissions: (group.ingress ?? []).map(permission),
      IpPermissionsEgress: (group.egress ?? []).map(permission),
      Tags: tagsOf(group),
    })),
  }),

  /** Every task has one interface. */
  DescribeNetworkInterfaces: (bed, input: Query & { readonly NetworkInterfaceIds?: readonly string[] }) => {
    const present = [...bed.state.tasks.values()].filter(
      ({ address, lastStatus }) => address !== null && lastStatus !== "STOPPED",
    );
    const interfaces = new Map(present.map((task) => [task.interface.id, { ...task, tags: {} }]));
    return {
      NetworkInterfaces: select(
        interfaces,
        input.NetworkInterfaceIds,
        input.Filters,
        "InvalidNetworkInterfaceID.NotFound",
        (task) => ({
          "network-interface-id": task.interface.id,
          "subnet-id": task.interface.subnetId,
          "group-id": task.interface.securityGroupIds,
          "addresses.private-ip-address": task.address ?? "",
          "private-ip-address": task.address ?? "",
        }),
      ).map((task) => interfaceView(bed, task)),
    };
  },
} satisfies Operations;

interface Query {
  readonly Filters?: readonly Filter[];
}

interface Filter {
  readonly Name?: string;
  readonly Values?: readonly string[];
}

/** What an element offers to filters: one value, or several of which one must match. */
type Fields = Readonly<Record<string, string | readonly string[]>>;

function select<Element extends Tagged>(
  all: ReadonlyMap<string, Element>,
  ids: readonly string[] | undefined,
  filters: readonly Filter[] | undefined,
  notFound: string,
  fields: (element: Element) => Fields,
): readonly Element[] {
  const unknown = ids?.find((id) => !all.has(id));
  if (unknown !== undefined) throw new Refusal(notFound, `The ID '${unknown}' does not exist`);
  return [...all]
    .filter(([id]) => ids === undefined || ids.length === 0 || ids.includes(id))
    .map(([, element]) => element)
    .filter((element) => (filters ?? []).every((filter) => passes(filter, element, fields(element))));
}

function passes({ Name: name = "", Values: values = [] }: Filter, { tags = {} }: Tagged, fields: Fields): boolean {
  const offered = name.startsWith("tag:")
    ? tags[name.slice("tag:".length)]
    : name === "tag-key"
      ? Object.keys(tags)
      : fields[name];
  if (offered === undefined) {
    if (name.startsWith("tag:")) return false;
    throw new Refusal("InvalidParameterValue", `The filter '${name}' is invalid`);
  }
  return [offered].flat().some((value) => values.some((pattern) => wildcard(pattern).test(value)));
}

function wildcard(pattern: string): RegExp {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`);
}

function permission({ protocol, fromPort, toPort, cidrs = [], groups = [] }: SecurityRule) {
  return {
    IpProtocol: protocol,
    FromPort: fromPort,
    ToPort: toPort,
    IpRanges: cidrs.map((CidrIp) => ({ CidrIp })),
    UserIdGroupPairs: groups.map((GroupId) => ({ GroupId })),
  };
}

function interfaceView(bed: Bed, { interface: network, address, cluster }: Task) {
  const subnet = bed.neighbours.subnets.get(network.subnetId);
  return {
    NetworkInterfaceId: network.id,
    SubnetId: network.subnetId,
    VpcId: subnet?.vpcId,
    AvailabilityZone: subnet?.availabilityZone,
    Description: `arn:aws:ecs:${bed.region}:${bed.account}:attachment/${cluster.name}/${network.attachmentId}`,
    Groups: network.securityGroupIds.map((GroupId) => ({
      GroupId,
      GroupName: bed.neighbours.securityGroups.get(GroupId)?.name,
    })),
    InterfaceType: "interface",
    MacAddress: network.macAddress,
    PrivateIpAddress: address ?? undefined,
    PrivateIpAddresses: [{ Primary: true, PrivateIpAddress: address ?? undefined }],
    Association: network.publicAddress === null ? undefined : { PublicIp: network.publicAddress },
    Status: "in-use",
  };
}

function tagsOf({ tags = {} }: Tagged) {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
