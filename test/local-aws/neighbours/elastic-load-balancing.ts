import type {
  Action,
  DescribeListenersInput,
  DescribeListenersOutput,
  DescribeLoadBalancersInput,
  DescribeLoadBalancersOutput,
  DescribeRulesInput,
  DescribeRulesOutput,
  DescribeTargetGroupsInput,
  DescribeTargetGroupsOutput,
  DescribeTargetHealthInput,
  DescribeTargetHealthOutput,
  TargetGroup as TargetGroupView,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { Refusal, type Bed, type Given, type Operations } from "../ecs/bed.ts";
import { registeredTargets } from "../ecs/registered.ts";
import type { Listener, ListenerRule, LoadBalancer, TargetGroup } from "./state.ts";

export const elasticLoadBalancingOperations = {
  DescribeTargetGroups: (bed, input: DescribeTargetGroupsInput): DescribeTargetGroupsOutput => {
    const { Names: names, TargetGroupArns: arns, LoadBalancerArn: balancer } = input;
    const all = [...bed.neighbours.targetGroups.values()];
    const found = all
      .filter(({ name }) => names === undefined || names.includes(name))
      .filter(({ arn }) => arns === undefined || arns.includes(arn))
      .filter(({ arn }) => balancer === undefined || balancersOf(bed, arn).includes(balancer));
    const asked = names?.length ?? arns?.length ?? 0;
    if (found.length < asked) throw new Refusal("TargetGroupNotFound", "One or more target groups not found");
    return { TargetGroups: found.map((group) => targetGroupView(bed, group)) };
  },

  DescribeTargetHealth: (
    bed,
    { TargetGroupArn: arn }: Given<DescribeTargetHealthInput, "TargetGroupArn">,
  ): DescribeTargetHealthOutput => {
    if (!bed.neighbours.targetGroups.has(arn)) {
      throw new Refusal("TargetGroupNotFound", `Target groups '${arn}' not found`);
    }
    return {
      TargetHealthDescriptions: registeredTargets(bed, arn).map(({ address, port, state, reason }) => ({
        Target: { Id: address, Port: port },
        HealthCheckPort: String(port),
        TargetHealth: {
          State: state,
          ...(state === "unhealthy"
            ? { Reason: "Target.FailedHealthChecks", Description: reason ?? "Health checks failed" }
            : {}),
          ...(state === "initial"
            ? { Reason: "Elb.RegistrationInProgress", Description: "Target registration is in progress" }
            : {}),
          ...(state === "draining"
            ? { Reason: "Target.DeregistrationInProgress", Description: "Target deregistration is in progress" }
            : {}),
        },
      })),
    };
  },

  DescribeLoadBalancers: (bed, input: DescribeLoadBalancersInput): DescribeLoadBalancersOutput => {
    const { Names: names, LoadBalancerArns: arns } = input;
    const found = [...bed.neighbours.loadBalancers.values()]
      .filter(({ name }) => names === undefined || names.includes(name))
      .filter(({ arn }) => arns === undefined || arns.includes(arn));
    if (found.length < (names?.length ?? arns?.length ?? 0)) {
      throw new Refusal("LoadBalancerNotFound", "One or more load balancers not found");
    }
    return { LoadBalancers: found.map((balancer) => loadBalancerView(bed, balancer)) };
  },

  DescribeListeners: (bed, input: DescribeListenersInput): DescribeListenersOutput => {
    const balancers = [...bed.neighbours.loadBalancers.values()];
    const found = balancers
      .filter(({ arn }) => input.LoadBalancerArn === undefined || arn === input.LoadBalancerArn)
      .flatMap((balancer) => balancer.listeners.map((listener) => ({ balancer, listener })))
      .filter(({ listener }) => input.ListenerArns === undefined || input.ListenerArns.includes(listener.arn));
    if (input.ListenerArns !== undefined && found.length < input.ListenerArns.length) {
      throw new Refusal("ListenerNotFound", "One or more listeners not found");
    }
    return {
      Listeners: found.map(({ balancer, listener }) => ({
        ListenerArn: listener.arn,
        LoadBalancerArn: balancer.arn,
        Port: listener.port,
        Protocol: listener.protocol,
        Certificates: listener.certificateArn === undefined ? [] : [{ CertificateArn: listener.certificateArn }],
        DefaultActions: listener.rules
          .filter(({ priority }) => priority === "default")
          .flatMap(({ action }) => actionsView(action)),
      })),
    };
  },

  DescribeRules: (bed, input: DescribeRulesInput): DescribeRulesOutput => {
    const listeners = [...bed.neighbours.loadBalancers.values()].flatMap((balancer) => balancer.listeners);
    const chosen = listeners.filter(({ arn }) => input.ListenerArn === undefined || arn === input.ListenerArn);
    if (chosen.length === 0) throw new Refusal("ListenerNotFound", "One or more listeners not found");
    const rules = chosen.flatMap((listener: Listener) => listener.rules);
    return {
      Rules: rules
        .filter(({ arn }) => input.RuleArns === undefined || input.RuleArns.includes(arn))
        .map(({ arn, priority, hosts, paths, from, action }) => ({
          RuleArn: arn,
          Priority: priority,
          IsDefault: priority === "default",
          Conditions: [
            ...(hosts === undefined ? [] : [{ Field: "host-header", HostHeaderConfig: { Values: [...hosts] } }]),
            ...(paths === undefined ? [] : [{ Field: "path-pattern", PathPatternConfig: { Values: [...paths] } }]),
            ...(from === undefined ? [] : [{ Field: "source-ip", SourceIpConfig: { Values: [...from] } }]),
          ],
          Actions: actionsView(action),
        })),
    };
  },
} satisfies Operations;

function targetGroupView(bed: Bed, group: TargetGroup): TargetGroupView {
  const check = group.healthCheck;
  return {
    TargetGroupArn: group.arn,
    TargetGroupName: group.name,
    Protocol: group.protocol,
    Port: group.port,
    VpcId: group.vpcId,
    TargetType: "ip",
    HealthCheckEnabled: true,
    HealthCheckProtocol: group.protocol,
    HealthCheckPort: check.port,
    HealthCheckPath: check.path,
    HealthCheckIntervalSeconds: check.intervalSeconds,
    HealthCheckTimeoutSeconds: check.timeoutSeconds,
    HealthyThresholdCount: check.healthyThreshold,
    UnhealthyThresholdCount: check.unhealthyThreshold,
    Matcher: { HttpCode: check.matcher },
    LoadBalancerArns: balancersOf(bed, group.arn),
  };
}

function loadBalancerView(bed: Bed, balancer: LoadBalancer) {
  return {
    LoadBalancerArn: balancer.arn,
    LoadBalancerName: balancer.name,
    DNSName: balancer.dnsName,
    Scheme: balancer.scheme,
    VpcId: balancer.vpcId,
    Type: "application" as const,
    State: { Code: "active" as const },
    AvailabilityZones: balancer.subnetIds.map((SubnetId) => ({
      SubnetId,
      ZoneName: bed.neighbours.subnets.get(SubnetId)?.availabilityZone,
    })),
    SecurityGroups: [...balancer.securityGroupIds],
    IpAddressType: "ipv4" as const,
  };
}

function balancersOf(bed: Bed, targetGroupArn: string): string[] {
  return [...bed.neighbours.loadBalancers.values()]
    .filter(({ listeners }) => listeners.some(({ rules }) => rules.some((rule) => forwardsTo(rule, targetGroupArn))))
    .map(({ arn }) => arn);
}

function forwardsTo({ action }: ListenerRule, targetGroupArn: string): boolean {
  return action.kind === "forward" && action.targetGroupArn === targetGroupArn;
}

function actionsView(action: ListenerRule["action"]): Action[] {
  switch (action.kind) {
    case "forward": {
      const forward: Action = { Type: "forward", TargetGroupArn: action.targetGroupArn };
      return action.login === undefined
        ? [forward]
        : [
            { Type: action.login, Order: 1 },
            { ...forward, Order: 2 },
          ];
    }
    case "redirect":
      return [
        {
          Type: "redirect",
          RedirectConfig: { Protocol: action.protocol, Port: action.port, StatusCode: "HTTP_301" },
        },
      ];
    case "fixed-response":
      return [{ Type: "fixed-response", FixedResponseConfig: { StatusCode: String(action.status) } }];
  }
}
