import {
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  type Ec2Send,
  type IpPermission,
} from "../../aws/ec2.ts";
import { DescribeLoadBalancersCommand, DescribeTargetGroupsCommand, type ElbSend } from "../../aws/elb.ts";
import type { End, Groups, Rule } from "./judge.ts";

/** Rules of security groups; of one that is deleted there are none. @param ids each as often as it comes */
export async function rulesOf(ec2: Ec2Send, ids: readonly string[]): Promise<Groups> {
  const Values = [...new Set(ids)];
  const resource = `security groups ${Values.join(", ")}`;
  const command = new DescribeSecurityGroupsCommand({ Filters: [{ Name: "group-id", Values }] });
  const { SecurityGroups: found = [] } = await ec2(command, { resource });
  return Object.fromEntries(
    found.map(({ GroupId = "", IpPermissions = [], IpPermissionsEgress = [] }) => [
      GroupId,
      { ingress: IpPermissions.map(ruleOf), egress: IpPermissionsEgress.map(ruleOf) },
    ]),
  );
}

function ruleOf(permission: IpPermission): Rule {
  const { IpProtocol = "", FromPort, ToPort, IpRanges, Ipv6Ranges, PrefixListIds, UserIdGroupPairs } = permission;
  return {
    protocol: IpProtocol,
    ports: FromPort === undefined || ToPort === undefined ? null : { from: FromPort, to: ToPort },
    cidrs: [
      ...(IpRanges ?? []).flatMap(({ CidrIp }) => CidrIp ?? []),
      ...(Ipv6Ranges ?? []).flatMap(({ CidrIpv6 }) => CidrIpv6 ?? []),
    ],
    groups: (UserIdGroupPairs ?? []).flatMap(({ GroupId }) => GroupId ?? []),
    prefixLists: (PrefixListIds ?? []).flatMap(({ PrefixListId }) => PrefixListId ?? []),
  };
}

/** Blocks of addresses, by subnet. @param ids each as often as it comes */
export async function blocksOf(ec2: Ec2Send, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const Values = [...new Set(ids)];
  const resource = `subnets ${Values.join(", ")}`;
  const command = new DescribeSubnetsCommand({ Filters: [{ Name: "subnet-id", Values }] });
  const { Subnets: found = [] } = await ec2(command, { resource });
  return new Map(found.map(({ SubnetId = "", CidrBlock = "" }) => [SubnetId, CidrBlock]));
}

/** Load balancers, by the ARN of the target group that they send to. Where their addresses are is not read. */
export async function balancersOf(
  elb: ElbSend,
  TargetGroupArns: readonly string[],
): Promise<ReadonlyMap<string, readonly End[]>> {
  if (TargetGroupArns.length === 0) return new Map();
  const { TargetGroups: groups = [] } = await elb(new DescribeTargetGroupsCommand({ TargetGroupArns }));
  const LoadBalancerArns = [...new Set(groups.flatMap((group) => group.LoadBalancerArns ?? []))];
  if (LoadBalancerArns.length === 0) return new Map();
  const { LoadBalancers: found = [] } = await elb(new DescribeLoadBalancersCommand({ LoadBalancerArns }));
  const ends = new Map(
    found.map(({ LoadBalancerArn = "", LoadBalancerName = "", SecurityGroups = [] }) => [
      LoadBalancerArn,
      { name: `load balancer ${LoadBalancerName}`, groups: SecurityGroups, cidrs: [] },
    ]),
  );
  return new Map(
    groups.map(({ TargetGroupArn = "", LoadBalancerArns: arns = [] }) => [
      TargetGroupArn,
      arns.flatMap((arn) => ends.get(arn) ?? []),
    ]),
  );
}
