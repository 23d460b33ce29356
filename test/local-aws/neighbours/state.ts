import type { Request } from "../../infra/policy.ts";
import type { Session } from "./sessions.ts";

/**
 * What stands around ECS, as far as a deployer reads it. Tests set it; nothing here changes by itself, except that
 * services register their tasks and STS gives sessions.
 */
export interface Neighbours {
  readonly vpcs: Map<string, Vpc>;
  readonly subnets: Map<string, Subnet>;
  readonly securityGroups: Map<string, SecurityGroup>;
  readonly targetGroups: Map<string, TargetGroup>;
  readonly loadBalancers: Map<string, LoadBalancer>;
  readonly namespaces: Map<string, Namespace>;
  readonly names: Map<string, DiscoveryService>;
  readonly scalableTargets: Map<string, ScalableTarget>;
  /** By role name. While it is empty, every role exists. */
  readonly roles: Map<string, Role>;
  /** What AWS has asked of the policies of roles, whatever they said, oldest first. */
  readonly judged: Judged[];
  /** OpenID Connect providers that the account knows: audiences by issuer. */
  readonly identityProviders: Map<string, readonly string[]>;
  /** Sessions that STS has given, by access key id. */
  readonly sessions: Map<string, Session>;
  /** Seconds that new sessions last, so that a test sees them end; null: as AWS lets them. */
  sessionSeconds: number | null;
}

export interface Tagged {
  readonly tags?: Readonly<Record<string, string>>;
}

export interface Vpc extends Tagged {
  readonly id: string;
  readonly cidr: string;
}

export interface Subnet extends Tagged {
  readonly id: string;
  readonly vpcId: string;
  readonly cidr: string;
  readonly availabilityZone: string;
  readonly mapPublicIpOnLaunch?: boolean;
}

export interface SecurityGroup extends Tagged {
  readonly id: string;
  readonly name: string;
  readonly vpcId: string;
  readonly ingress?: readonly SecurityRule[];
  readonly egress?: readonly SecurityRule[];
}

export interface SecurityRule {
  readonly protocol: "tcp" | "udp" | "-1";
  readonly fromPort?: number;
  readonly toPort?: number;
  readonly cidrs?: readonly string[];
  readonly groups?: readonly string[];
}

export interface TargetGroup extends Tagged {
  readonly arn: string;
  readonly name: string;
  readonly vpcId: string;
  readonly port: number;
  readonly protocol: "HTTP" | "HTTPS" | "TCP";
  readonly healthCheck: TargetHealthCheck;
  readonly deregistrationDelaySeconds: number;
}

export interface TargetHealthCheck {
  readonly path: string;
  /** `traffic-port` or a number as text. */
  readonly port: string;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
  readonly matcher: string;
}

export interface LoadBalancer extends Tagged {
  readonly arn: string;
  readonly name: string;
  readonly dnsName: string;
  readonly scheme: "internet-facing" | "internal";
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
  readonly listeners: readonly Listener[];
}

export interface Listener {
  readonly arn: string;
  readonly port: number;
  readonly protocol: "HTTP" | "HTTPS";
  readonly certificateArn?: string;
  readonly rules: readonly ListenerRule[];
}

export interface ListenerRule {
  readonly arn: string;
  /** `default`, or 1-50000 as text. */
  readonly priority: string;
  readonly hosts?: readonly string[];
  readonly paths?: readonly string[];
  /** Addresses that it is for; none: for all. */
  readonly from?: readonly string[];
  readonly action:
    | {
        readonly kind: "forward";
        readonly targetGroupArn: string;
        /** What asks for a login first. */
        readonly login?: "authenticate-oidc" | "authenticate-cognito";
      }
    | { readonly kind: "redirect"; readonly protocol: string; readonly port: string }
    | { readonly kind: "fixed-response"; readonly status: number };
}

export interface Namespace extends Tagged {
  readonly id: string;
  readonly arn: string;
  /** `deal-flow.local` */
  readonly name: string;
}

/** A Cloud Map service: one name under a namespace. */
export interface DiscoveryService extends Tagged {
  readonly id: string;
  readonly arn: string;
  readonly name: string;
  readonly namespaceId: string;
  readonly ttlSeconds: number;
}

export interface ScalableTarget {
  /** `service/<cluster>/<service>` */
  readonly resourceId: string;
  readonly minimum: number;
  readonly maximum: number;
}

export interface Role {
  readonly name: string;
  readonly arn: string;
  /** JSON text. */
  readonly trustPolicy: string;
  /** JSON text of what it may do; without one, it may do anything. */
  readonly policy?: string;
}

export interface Judged extends Request {
  /** Name of the role. */
  readonly role: string;
}

export function createNeighbours(): Neighbours {
  return {
    vpcs: new Map(),
    subnets: new Map(),
    securityGroups: new Map(),
    targetGroups: new Map(),
    loadBalancers: new Map(),
    namespaces: new Map(),
    names: new Map(),
    scalableTargets: new Map(),
    roles: new Map(),
    judged: [],
    identityProviders: new Map(),
    sessions: new Map(),
    sessionSeconds: null,
  };
}
