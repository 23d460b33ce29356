import type { Request } from "../../infra/policy.ts";
import type { ServiceName } from "../api.ts";
import { nameOf } from "../ecs/identifiers.ts";
import { type Home, listIn, memberOf, textIn, textsIn } from "./input.ts";

/** What the account knows that an input does not say. */
export interface OwnHome extends Home {
  /** The revision that is meant by family, `family:revision` or ARN; null: there is none. */
  readonly definition: (named: string) => DefinitionRights | null;
}

export interface DefinitionRights {
  readonly arn: string;
  /** ARNs of the roles that its tasks run by. */
  readonly roles: readonly string[];
}

type Rights = (input: unknown, home: OwnHome) => readonly Request[];

/** @returns what AWS asks of a policy before it does this; null: not written down here */
export function requestsOfOwn(
  service: ServiceName,
  operation: string,
  input: unknown,
  home: OwnHome,
): readonly Request[] | null {
  // Anybody may ask who they are; whom a role trusts is said by the role.
  if (service === "sts") return [];
  return rights[`${service}:${operation}`]?.(input, home) ?? null;
}

const anything =
  (action: string): Rights =>
  () => [{ action, resource: "*" }];

const ecsArn = ({ region, account }: Home, resource: string): string => `arn:aws:ecs:${region}:${account}:${resource}`;

const clusterOf = (input: unknown): string => nameOf(textIn(input, "cluster") || "default");

const inCluster = (home: Home, cluster: string): Readonly<Record<string, string>> => ({
  "ecs:cluster": ecsArn(home, `cluster/${cluster}`),
});

/** Things of a cluster that an input names, by name or ARN. */
const within =
  (action: string, kind: "service" | "task", member: string): Rights =>
  (input, home) => {
    const cluster = clusterOf(input);
    return textsIn(input, member).map((named) => ({
      action,
      resource: ecsArn(home, `${kind}/${cluster}/${nameOf(named)}`),
      context: inCluster(home, cluster),
    }));
  };

/** `arn:…:service-deployment/cluster/service/id`: the cluster is in the name. */
const byArn =
  (action: string, member: string): Rights =>
  (input, home) =>
    textsIn(input, member).map((resource) => ({
      action,
      resource,
      context: inCluster(home, resource.split("/")[1] ?? ""),
    }));

const inClusterOnly =
  (action: string): Rights =>
  (input, home) => [{ action, resource: "*", context: inCluster(home, clusterOf(input)) }];

const passing = (roles: readonly string[]): readonly Request[] =>
  [...new Set(roles)].map((resource) => ({
    action: "iam:PassRole",
    resource,
    context: { "iam:PassedToService": "ecs-tasks.amazonaws.com" },
  }));

const tagging = (input: unknown, resource: string, by: string): readonly Request[] =>
  listIn(input, "tags").length === 0
    ? []
    : [{ action: "ecs:TagResource", resource, context: { "ecs:CreateAction": by } }];

const rolesIn = (input: unknown, { account }: Home): readonly string[] =>
  ["executionRoleArn", "taskRoleArn"]
    .map((member) => textIn(input, member))
    .filter((named) => named !== "")
    .map((named) => (named.startsWith("arn:") ? named : `arn:aws:iam::${account}:role/${named}`));

/**
 * Actions, resources and keys. Source: Service Authorization Reference; for roles that are passed, "Task execution IAM role" and
 * "Tag resources during creation" in the ECS developer guide.
 */
const rights: Readonly<Record<string, Rights>> = {
  "ecs:DescribeServices": within("ecs:DescribeServices", "service", "services"),
  "ecs:UpdateService": within("ecs:UpdateService", "service", "service"),
  "ecs:ListServiceDeployments": within("ecs:ListServiceDeployments", "service", "service"),
  "ecs:DescribeServiceDeployments": byArn("ecs:DescribeServiceDeployments", "serviceDeploymentArns"),
  "ecs:DescribeServiceRevisions": byArn("ecs:DescribeServiceRevisions", "serviceRevisionArns"),
  "ecs:StopServiceDeployment": byArn("ecs:StopServiceDeployment", "serviceDeploymentArn"),
  "ecs:DescribeTasks": within("ecs:DescribeTasks", "task", "tasks"),
  "ecs:StopTask": within("ecs:StopTask", "task", "task"),
  "ecs:ListTasks": inClusterOnly("ecs:ListTasks"),
  "ecs:ListServices": inClusterOnly("ecs:ListServices"),
  "ecs:ListClusters": anything("ecs:ListClusters"),
  "ecs:ListTaskDefinitions": anything("ecs:ListTaskDefinitions"),
  "ecs:DescribeTaskDefinition": anything("ecs:DescribeTaskDefinition"),
  "ecs:DeregisterTaskDefinition": anything("ecs:DeregisterTaskDefinition"),
  "ecs:RegisterTaskDefinition": (input, home) => {
    const resource = ecsArn(home, `task-definition/${textIn(input, "family")}:1`);
    return [
      { action: "ecs:RegisterTaskDefinition", resource },
      ...tagging(input, resource, "RegisterTaskDefinition"),
      ...passing(rolesIn(input, home)),
    ];
  },
  "ecs:RunTask": (input, home) => {
    const named = textIn(input, "taskDefinition");
    const definition = home.definition(named);
    const cluster = clusterOf(input);
    const hasShell = memberOf(input, "enableExecuteCommand") === true;
    return [
      {
        action: "ecs:RunTask",
        resource: definition?.arn ?? ecsArn(home, `task-definition/${nameOf(named)}`),
        context: { ...inCluster(home, cluster), "ecs:enable-execute-command": String(hasShell) },
      },
      ...tagging(input, ecsArn(home, `task/${cluster}/new`), "RunTask"),
      ...passing([...(definition?.roles ?? []), ...rolesIn(memberOf(input, "overrides"), home)]),
    ];
  },
  ...Object.fromEntries(
    [
      "elasticloadbalancing:DescribeTargetHealth",
      "elasticloadbalancing:DescribeTargetGroups",
      "elasticloadbalancing:DescribeLoadBalancers",
      "elasticloadbalancing:DescribeListeners",
      "elasticloadbalancing:DescribeRules",
      "ec2:DescribeSubnets",
      "ec2:DescribeSecurityGroups",
    ].map((action) => [action, anything(action)]),
  ),
  "iam:GetRole": (input, { account }) => [
    { action: "iam:GetRole", resource: `arn:aws:iam::${account}:role/${textIn(input, "RoleName")}` },
  ],
  "iam:SimulatePrincipalPolicy": (input) => [
    { action: "iam:SimulatePrincipalPolicy", resource: textIn(input, "PolicySourceArn") },
  ],
};
