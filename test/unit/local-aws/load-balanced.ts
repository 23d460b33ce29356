import type { LocalAws } from "../../local-aws/local-aws.ts";
import type { ServiceSettings } from "./stage.ts";

/** Adds a target group that checks every 10 s and gives up after two failures. @returns its ARN */
export function addTargetGroup(aws: LocalAws, deregistrationDelaySeconds = 30): string {
  const arn = `arn:aws:elasticloadbalancing:${aws.region}:${aws.account}:targetgroup/app/0123456789abcdef`;
  aws.neighbours.targetGroups.set(arn, {
    arn,
    name: "app",
    vpcId: "vpc-1",
    port: 3000,
    protocol: "HTTP",
    deregistrationDelaySeconds,
    healthCheck: {
      path: "/server_info",
      port: "traffic-port",
      intervalSeconds: 10,
      timeoutSeconds: 5,
      healthyThreshold: 2,
      unhealthyThreshold: 2,
      matcher: "200",
    },
  });
  return arn;
}

/** Settings of a service whose container `app` stands behind the group. */
export function behind(targetGroupArn: string): ServiceSettings {
  return { loadBalancers: [{ targetGroupArn, containerName: "app", containerPort: 3000 }] };
}
