import type { MetadataBearer, StaticListSchema, StaticStructureSchema } from "@smithy/types";
import type { Context } from "../domain/context.ts";
import { lentClient, lentCommand, type LentSend, type LentTo, member, structure } from "./lent-client.ts";
import type { ClientSettings } from "./settings.ts";

const namespace = "com.amazonaws.elasticloadbalancingv2";
const service: LentTo = {
  name: "Elastic Load Balancing",
  prefix: "elasticloadbalancing",
  serviceId: "Elastic Load Balancing v2",
  endpoint: "elasticloadbalancing",
  isGlobal: false,
  namespace,
  protocol: "query",
  version: "2015-12-01",
  xmlNamespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
  target: "ElasticLoadBalancing_v10",
};

/** Makes calls of Elastic Load Balancing. */
export type ElbSend = LentSend<
  | DescribeTargetHealthInput
  | DescribeTargetGroupsInput
  | DescribeLoadBalancersInput
  | DescribeListenersInput
  | DescribeRulesInput,
  | DescribeTargetHealthOutput
  | DescribeTargetGroupsOutput
  | DescribeLoadBalancersOutput
  | DescribeListenersOutput
  | DescribeRulesOutput
>;

export interface DescribeTargetHealthInput {
  readonly TargetGroupArn: string;
}

/** Source: API_DescribeTargetHealth in the Elastic Load Balancing API reference, as far as it is read. */
export interface DescribeTargetHealthOutput extends MetadataBearer {
  readonly TargetHealthDescriptions?: readonly {
    readonly Target?: { readonly Id?: string; readonly Port?: number };
    readonly TargetHealth?: { readonly State?: string; readonly Reason?: string; readonly Description?: string };
  }[];
}

export interface DescribeTargetGroupsInput {
  readonly TargetGroupArns: readonly string[];
}

/** Source: API_DescribeTargetGroups in the Elastic Load Balancing API reference, as far as it is read. */
export interface DescribeTargetGroupsOutput extends MetadataBearer {
  readonly TargetGroups?: readonly {
    readonly TargetGroupArn?: string;
    readonly TargetType?: string;
    readonly LoadBalancerArns?: readonly string[];
  }[];
}

export interface DescribeLoadBalancersInput {
  readonly LoadBalancerArns: readonly string[];
}

/** Source: API_DescribeLoadBalancers in the Elastic Load Balancing API reference, as far as it is read. */
export interface DescribeLoadBalancersOutput extends MetadataBearer {
  readonly LoadBalancers?: readonly {
    readonly LoadBalancerArn?: string;
    readonly LoadBalancerName?: string;
    /** `internet-facing` or `internal` */
    readonly Scheme?: string;
    readonly SecurityGroups?: readonly string[];
  }[];
}

export interface DescribeListenersInput {
  readonly LoadBalancerArn: string;
  readonly Marker: string | undefined;
}

/** Source: API_DescribeListeners in the Elastic Load Balancing API reference, as far as it is read. */
export interface DescribeListenersOutput extends MetadataBearer {
  readonly Listeners?: readonly {
    readonly ListenerArn?: string;
    readonly Port?: number;
    readonly Protocol?: string;
  }[];
  readonly NextMarker?: string;
}

export interface DescribeRulesInput {
  readonly ListenerArn: string;
  readonly Marker: string | undefined;
}

/** Source: API_Rule in the Elastic Load Balancing API reference, as far as it is read. */
export interface ListenerRule {
  readonly Conditions?: readonly { readonly Field?: string }[];
  readonly Actions?: readonly {
    readonly Type?: string;
    readonly TargetGroupArn?: string;
    readonly ForwardConfig?: { readonly TargetGroups?: readonly { readonly TargetGroupArn?: string }[] };
  }[];
}

/** Rules of a listener, its default among them. */
export interface DescribeRulesOutput extends MetadataBearer {
  readonly Rules?: readonly ListenerRule[];
  readonly NextMarker?: string;
}

const { text, number, texts } = member;
const target = structure(namespace, "TargetDescription", { Id: text, Port: number });
const health = structure(namespace, "TargetHealth", { State: text, Reason: text, Description: text });
const description = structure(namespace, "TargetHealthDescription", {
  Target: () => target,
  TargetHealth: () => health,
});
const descriptions: StaticListSchema = [1, namespace, "TargetHealthDescriptions", 0, () => description];
const group = structure(namespace, "TargetGroup", { TargetGroupArn: text, TargetType: text, LoadBalancerArns: texts });
const balancer = structure(namespace, "LoadBalancer", {
  LoadBalancerArn: text,
  LoadBalancerName: text,
  Scheme: text,
  SecurityGroups: texts,
});
const balancers: StaticListSchema = [1, namespace, "LoadBalancers", 0, () => balancer];
const listener = structure(namespace, "Listener", { ListenerArn: text, Port: number, Protocol: text });
const listeners = listOf("Listeners", listener);
const weighed = listOf("TargetGroupList", structure(namespace, "TargetGroupTuple", { TargetGroupArn: text }));
const forward = structure(namespace, "ForwardActionConfig", { TargetGroups: () => weighed });
const action = structure(namespace, "Action", {
  Type: text,
  TargetGroupArn: text,
  ForwardConfig: () => forward,
});
const conditions = listOf("RuleConditionList", structure(namespace, "RuleCondition", { Field: text }));
const actions = listOf("Actions", action);
const rule = structure(namespace, "Rule", { Conditions: () => conditions, Actions: () => actions });
const rules = listOf("Rules", rule);
const groups: StaticListSchema = [1, namespace, "TargetGroups", 0, () => group];

function listOf(name: string, of: StaticStructureSchema): StaticListSchema {
  return [1, namespace, name, 0, () => of];
}

/** How the targets of a group are. */
export class DescribeTargetHealthCommand extends lentCommand<DescribeTargetHealthInput, DescribeTargetHealthOutput>(
  service,
  "DescribeTargetHealth",
  { TargetGroupArn: text },
  { TargetHealthDescriptions: () => descriptions },
) {}

/** What target groups are for. */
export class DescribeTargetGroupsCommand extends lentCommand<DescribeTargetGroupsInput, DescribeTargetGroupsOutput>(
  service,
  "DescribeTargetGroups",
  { TargetGroupArns: texts },
  { TargetGroups: () => groups },
) {}

/** Load balancers, and their security groups. */
export class DescribeLoadBalancersCommand extends lentCommand<DescribeLoadBalancersInput, DescribeLoadBalancersOutput>(
  service,
  "DescribeLoadBalancers",
  { LoadBalancerArns: texts },
  { LoadBalancers: () => balancers },
) {}

/** The ports of a load balancer; a page of them. */
export class DescribeListenersCommand extends lentCommand<DescribeListenersInput, DescribeListenersOutput>(
  service,
  "DescribeListeners",
  { LoadBalancerArn: text, Marker: text },
  { Listeners: () => listeners, NextMarker: text },
) {}

/** What becomes of requests to a port; a page of it. */
export class DescribeRulesCommand extends lentCommand<DescribeRulesInput, DescribeRulesOutput>(
  service,
  "DescribeRules",
  { ListenerArn: text, Marker: text },
  { Rules: () => rules, NextMarker: text },
) {}

/** Opens Elastic Load Balancing; region and credentials are looked up at the first call. */
export function elb(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): ElbSend {
  return lentClient(service, context, settings);
}
