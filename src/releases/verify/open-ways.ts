import {
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  DescribeTargetGroupsCommand,
  type ListenerRule,
} from "../../aws/elb.ts";
import { letsEverybodyIn } from "../../gates/security-groups/judge.ts";
import { rulesOf } from "../../gates/security-groups/read.ts";
import type { Clients } from "../connections.ts";

/**
 * Ways by which everybody on the internet reaches a target group, and is asked for no login: ports of load balancers that face the
 * internet, whose security groups let everybody in, and whose rules send there whoever comes.
 * @returns each in words; none also where the target group is not there
 */
export async function openWaysTo(
  { elb, ec2 }: Pick<Clients, "elb" | "ec2">,
  targetGroup: string,
): Promise<readonly string[]> {
  const name = targetGroup.split("/")[1] ?? targetGroup;
  const resource = `target group ${name}`;
  const { TargetGroups: [group] = [] } = await elb(
    new DescribeTargetGroupsCommand({ TargetGroupArns: [targetGroup] }),
    { resource },
  );
  const LoadBalancerArns = group?.LoadBalancerArns ?? [];
  if (LoadBalancerArns.length === 0) return [];
  const { LoadBalancers: balancers = [] } = await elb(new DescribeLoadBalancersCommand({ LoadBalancerArns }), {
    resource,
  });
  const facing = balancers.filter(({ Scheme }) => Scheme === "internet-facing");
  const ways = await Promise.all(
    facing.map(async ({ LoadBalancerArn = "", LoadBalancerName = "", SecurityGroups = [] }) => {
      const ports = await portsTo({ elb }, LoadBalancerArn, targetGroup);
      if (ports.length === 0) return [];
      // A network load balancer may have none: then it keeps nobody out.
      const groups = SecurityGroups.length === 0 ? null : await rulesOf(ec2, SecurityGroups);
      return ports
        .filter((port) => groups === null || letsEverybodyIn(groups, SecurityGroups, port))
        .map((port) => `port ${port} of load balancer ${LoadBalancerName}`);
    }),
  );
  return ways.flat();
}

/** Ports of a load balancer that lead there without a login. */
async function portsTo(
  { elb }: Pick<Clients, "elb">,
  balancer: string,
  targetGroup: string,
): Promise<readonly number[]> {
  const listeners = await paged(async (Marker) => {
    const page = await elb(new DescribeListenersCommand({ LoadBalancerArn: balancer, Marker }));
    return { items: page.Listeners ?? [], next: page.NextMarker };
  });
  const ports = await Promise.all(
    listeners.map(async ({ ListenerArn = "", Port = 0 }) => {
      const rules = await paged(async (Marker) => {
        const page = await elb(new DescribeRulesCommand({ ListenerArn, Marker }));
        return { items: page.Rules ?? [], next: page.NextMarker };
      });
      return rules.some((rule) => isOpenWay(rule, targetGroup)) ? [Port] : [];
    }),
  );
  return ports.flat();
}

/**
 * Does a rule send whoever comes there, without a login? A rule for some addresses, or for a header that somebody must know, does not.
 * Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
 */
export function isOpenWay({ Conditions = [], Actions = [] }: ListenerRule, targetGroup: string): boolean {
  const leads = Actions.some(
    ({ TargetGroupArn, ForwardConfig }) =>
      TargetGroupArn === targetGroup ||
      (ForwardConfig?.TargetGroups ?? []).some((one) => one.TargetGroupArn === targetGroup),
  );
  const asks = Actions.some(({ Type = "" }) => logins.has(Type));
  const isNarrow = Conditions.some(({ Field = "" }) => narrowing.has(Field));
  return leads && !asks && !isNarrow;
}

const logins: ReadonlySet<string> = new Set(["authenticate-oidc", "authenticate-cognito", "jwt-validation"]);
const narrowing: ReadonlySet<string> = new Set(["source-ip", "http-header", "query-string"]);

async function paged<T>(
  ask: (marker: string | undefined) => Promise<{ readonly items: readonly T[]; readonly next: string | undefined }>,
): Promise<readonly T[]> {
  const all: T[] = [];
  let marker: string | undefined;
  do {
    const { items, next } = await ask(marker);
    all.push(...items);
    marker = next;
  } while (marker !== undefined);
  return all;
}
