import type { MetadataBearer, StaticListSchema, StaticStructureSchema } from "@smithy/types";
import type { Context } from "../domain/context.ts";
import { lentClient, lentCommand, type LentSend, type LentTo, type Member, member, structure } from "./lent-client.ts";
import type { ClientSettings } from "./settings.ts";

const namespace = "com.amazonaws.ec2";
const service: LentTo = {
  name: "EC2",
  prefix: "ec2",
  serviceId: "EC2",
  endpoint: "ec2",
  isGlobal: false,
  namespace,
  protocol: "ec2",
  version: "2016-11-15",
  xmlNamespace: "http://ec2.amazonaws.com/doc/2016-11-15",
  target: "",
};

/** Makes calls of EC2. */
export type Ec2Send = LentSend<Filtered, DescribeSubnetsOutput | DescribeSecurityGroupsOutput>;

/** By a filter, and not by ids: one that is not there would be an error for all. */
interface Filtered {
  readonly Filters: readonly { readonly Name: string; readonly Values: readonly string[] }[];
}

/** Source: API_DescribeSubnets in the EC2 API reference, as far as it is read. */
export interface DescribeSubnetsOutput extends MetadataBearer {
  readonly Subnets?: readonly {
    readonly SubnetId?: string;
    readonly VpcId?: string;
    readonly CidrBlock?: string;
    readonly AvailableIpAddressCount?: number;
  }[];
}

/** Source: API_DescribeSecurityGroups, as far as it is read. */
export interface DescribeSecurityGroupsOutput extends MetadataBearer {
  readonly SecurityGroups?: readonly {
    readonly GroupId?: string;
    readonly IpPermissions?: readonly IpPermission[];
    readonly IpPermissionsEgress?: readonly IpPermission[];
  }[];
}

/** Source: API_IpPermission. */
export interface IpPermission {
  /** A name, a number, or `-1` for all of them. */
  readonly IpProtocol?: string;
  readonly FromPort?: number;
  readonly ToPort?: number;
  readonly IpRanges?: readonly { readonly CidrIp?: string }[];
  readonly Ipv6Ranges?: readonly { readonly CidrIpv6?: string }[];
  readonly PrefixListIds?: readonly { readonly PrefixListId?: string }[];
  readonly UserIdGroupPairs?: readonly { readonly GroupId?: string }[];
}

const { text, number, texts } = member;
const filter = structure(namespace, "Filter", { Name: text, Values: [texts, { xmlName: "Value" }] });
const filters: StaticListSchema = [1, namespace, "FilterList", 0, () => filter];
const subnet = structure(namespace, "Subnet", {
  SubnetId: [text, { xmlName: "subnetId" }],
  VpcId: [text, { xmlName: "vpcId" }],
  CidrBlock: [text, { xmlName: "cidrBlock" }],
  AvailableIpAddressCount: [number, { xmlName: "availableIpAddressCount" }],
});
const subnets = items("SubnetList", subnet);
const permission = structure(namespace, "IpPermission", {
  IpProtocol: [text, { xmlName: "ipProtocol" }],
  FromPort: [number, { xmlName: "fromPort" }],
  ToPort: [number, { xmlName: "toPort" }],
  IpRanges: listed("ipRanges", "IpRange", "CidrIp", "cidrIp"),
  Ipv6Ranges: listed("ipv6Ranges", "Ipv6Range", "CidrIpv6", "cidrIpv6"),
  PrefixListIds: listed("prefixListIds", "PrefixListId", "PrefixListId", "prefixListId"),
  UserIdGroupPairs: listed("groups", "UserIdGroupPair", "GroupId", "groupId"),
});
const permissions = items("IpPermissionList", permission);
const securityGroup = structure(namespace, "SecurityGroup", {
  GroupId: [text, { xmlName: "groupId" }],
  IpPermissions: [() => permissions, { xmlName: "ipPermissions" }],
  IpPermissionsEgress: [() => permissions, { xmlName: "ipPermissionsEgress" }],
});
const securityGroups = items("SecurityGroupList", securityGroup);

function items(name: string, of: StaticStructureSchema): StaticListSchema {
  return [1, namespace, name, 0, [() => of, { xmlName: "item" }]];
}

/** A member that lists structures, of each of which one text is read. */
function listed(xmlName: string, structureName: string, name: string, xmlNameOfIt: string): Member {
  const list = items(
    `${structureName}List`,
    structure(namespace, structureName, { [name]: [text, { xmlName: xmlNameOfIt }] }),
  );
  return [() => list, { xmlName }];
}

/** Subnets as they are. */
export class DescribeSubnetsCommand extends lentCommand<Filtered, DescribeSubnetsOutput>(
  service,
  "DescribeSubnets",
  { Filters: [() => filters, { xmlName: "Filter" }] },
  { Subnets: [() => subnets, { xmlName: "subnetSet" }] },
) {}

/** Rules of security groups. */
export class DescribeSecurityGroupsCommand extends lentCommand<Filtered, DescribeSecurityGroupsOutput>(
  service,
  "DescribeSecurityGroups",
  { Filters: [() => filters, { xmlName: "Filter" }] },
  { SecurityGroups: [() => securityGroups, { xmlName: "securityGroupInfo" }] },
) {}

/** Opens EC2; region and credentials are looked up at the first call. */
export function ec2(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): Ec2Send {
  return lentClient(service, context, settings);
}
