import { type Home, parameterArn, roleArn, serviceArn, showArn } from "../../aws/arn.ts";
import { permissionTable } from "./table.ts";

/** What infra/modules/deploy-role/permissions.json holds, without its words. */
export interface PermissionTable {
  /** What a role may be for. */
  readonly commands: readonly string[];
  /** IAM action, kinds of resources, commands that call it, and what a stack must ask for; null: nothing. */
  readonly rows: readonly (readonly [string, readonly ResourceKind[], readonly string[], Asked | null])[];
}

/** What a stack may ask for, and most do not. */
export type Asked = "scan" | "create" | "reach-task" | "verify" | "keep-revisions" | "dags";

/** What an action is called on. */
type ResourceKind =
  | "all"
  | "contract-parameter"
  | "contract-object"
  | "records"
  | "bucket"
  | "dags"
  | "dags-written"
  | "dags-plain"
  | "published"
  | "published-listed"
  | "repositories"
  | "services"
  | "services-of-cluster"
  | "service-deployments"
  | "service-revisions"
  | "families"
  | "families-tagged"
  | "once-families"
  | "tasks"
  | "tasks-listed"
  | "tasks-tagged"
  | "roles"
  | "roles-read"
  | "secrets-described"
  | "secrets-imported"
  | "parameters-imported"
  | "log-groups"
  | "log-streams";

/** What has a name in a stack, by which a policy is narrowed. */
export interface PolicyNames {
  readonly home: Home;
  readonly stack: string;
  readonly cluster: string;
  /** Where the contract is; null: the stack file holds it. */
  readonly contract: {
    readonly parameter: string | null;
    readonly object: { readonly bucket: string; readonly key: string } | null;
  };
  readonly bucket: { readonly name: string; readonly prefix: string };
  /** Key prefixes of code in S3, in the bucket. */
  readonly dags: readonly { readonly prefix: string; readonly isWritten: boolean }[];
  /** Prefixes of plain files that the stack keeps, each with its slash. */
  readonly plainDags: readonly string[];
  /** Prefixes that sync-dags publishes to, by a role of its own, each with its slash. */
  readonly published: readonly string[];
  /** ECS services, and those that they replace. */
  readonly services: readonly string[];
  /** Families of task definitions, beside `<stack>-*`. */
  readonly families: readonly string[];
  /** ECR repositories of images and bases. */
  readonly repositories: readonly string[];
  /** ARNs of the roles that are passed to tasks. */
  readonly roles: readonly string[];
  readonly logGroups: readonly string[];
}

/** A policy of IAM, as JSON. */
export interface PolicyDocument {
  readonly Version: "2012-10-17";
  readonly Statement: readonly Statement[];
}

export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Condition;
}

type Condition = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

/** What a role may be for: the commands of docs/permissions.md. */
export const policyCommands: readonly string[] = permissionTable.commands;

/**
 * What a role must be allowed for some commands on one stack, and nothing more: a statement for each kind of resource that the stack
 * has something of. infra/modules/deploy-role makes the same of the same table.
 * Source of keys and resources: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */
export function policyFor(
  names: PolicyNames,
  { commands, asked }: { readonly commands: readonly string[]; readonly asked: readonly Asked[] },
): PolicyDocument {
  const allowed = permissionTable.rows.filter(
    ([, , callers, when]) =>
      callers.some((caller) => commands.includes(caller)) && (when === null || asked.includes(when)),
  );
  const kinds = [...new Set(allowed.flatMap(([, on]) => on))];
  const statements = kinds.flatMap((kind): readonly Statement[] => {
    const { resources, condition = null } = resourcesOf(names)[kind];
    if (resources.length === 0) return [];
    const actions = allowed.flatMap(([action, on]) => (on.includes(kind) ? [action] : []));
    return [
      {
        Sid: kind.replaceAll(/(?:^|-)([a-z])/g, (_whole, letter: string) => letter.toUpperCase()),
        Effect: "Allow",
        Action: [...new Set(actions)],
        Resource: resources,
        ...(condition === null ? {} : { Condition: condition }),
      },
    ];
  });
  return { Version: "2012-10-17", Statement: statements };
}

interface Resources {
  readonly resources: readonly string[];
  readonly condition?: Condition;
}

function resourcesOf(names: PolicyNames): Readonly<Record<ResourceKind, Resources>> {
  const { home, stack, cluster, contract, bucket } = names;
  const ecs = (resource: string): string => showArn({ ...home, service: "ecs", resource });
  const s3 = (resource: string): string => showArn({ ...home, service: "s3", region: "", account: "", resource });
  const ofServices = (type: string): readonly string[] =>
    names.services.map((name) => ecs(`${type}/${cluster}/${name}/*`));
  const inCluster = { ArnEquals: { "ecs:cluster": ecs(`cluster/${cluster}`) } };
  const created = (by: string): Condition => ({ StringEquals: { "ecs:CreateAction": by } });
  const families = [`${stack}-*`, ...names.families].map((family) => ecs(`task-definition/${family}:*`));
  const tasks = [ecs(`task/${cluster}/*`)];
  const { parameter, object } = contract;
  return {
    all: { resources: ["*"] },
    "contract-parameter": { resources: parameter === null ? [] : [parameterArn(home, parameter)] },
    "contract-object": { resources: object === null ? [] : [s3(`${object.bucket}/${object.key}`)] },
    records: { resources: [s3(`${bucket.name}/${bucket.prefix}${stack}/*`)] },
    dags: { resources: names.dags.map(({ prefix }) => s3(`${bucket.name}/${prefix}*`)) },
    "dags-plain": { resources: names.plainDags.map((prefix) => s3(`${bucket.name}/${prefix}*`)) },
    "dags-written": {
      resources: names.dags.flatMap(({ prefix, isWritten }) => (isWritten ? [s3(`${bucket.name}/${prefix}*`)] : [])),
    },
    bucket: { resources: [...new Set([bucket.name, ...(object === null ? [] : [object.bucket])])].map(s3) },
    published: { resources: names.published.map((prefix) => s3(`${bucket.name}/${prefix}*`)) },
    "published-listed": {
      resources: names.published.length === 0 ? [] : [s3(bucket.name)],
      condition: { StringLike: { "s3:prefix": names.published.map((prefix) => `${prefix}*`) } },
    },
    repositories: {
      resources: names.repositories.map((name) => showArn({ ...home, service: "ecr", resource: `repository/${name}` })),
    },
    services: { resources: names.services.map((name) => serviceArn(home, cluster, name)), condition: inCluster },
    "services-of-cluster": { resources: [serviceArn(home, cluster, "*")], condition: inCluster },
    "service-deployments": { resources: ofServices("service-deployment"), condition: inCluster },
    "service-revisions": { resources: ofServices("service-revision"), condition: inCluster },
    families: { resources: families },
    "families-tagged": { resources: families, condition: created("RegisterTaskDefinition") },
    // Whoever could have a shell in such a task would have its role and its secrets.
    "once-families": {
      resources: [ecs(`task-definition/${stack}-once-*:*`)],
      condition: { ...inCluster, Bool: { "ecs:enable-execute-command": "false" } },
    },
    tasks: { resources: tasks, condition: inCluster },
    "tasks-listed": { resources: ["*"], condition: inCluster },
    "tasks-tagged": { resources: tasks, condition: created("RunTask") },
    roles: {
      resources: names.roles,
      condition: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
    },
    "roles-read": { resources: names.roles },
    "secrets-described": { resources: [showArn({ ...home, service: "secretsmanager", resource: "secret:*" })] },
    "secrets-imported": { resources: [showArn({ ...home, service: "secretsmanager", resource: "secret:*" })] },
    "parameters-imported": { resources: [parameterArn(home, "*")] },
    "log-groups": {
      resources: names.logGroups.map((group) =>
        showArn({ ...home, service: "logs", resource: `log-group:${group}:*` }),
      ),
    },
    "log-streams": {
      resources: names.logGroups.map((group) =>
        showArn({ ...home, service: "logs", resource: `log-group:${group}:log-stream:*` }),
      ),
    },
  };
}

/** The ARN of a role that a definition names: by its ARN, or by its name alone. */
export function roleOf(home: Home, written: string): string {
  return written.startsWith("arn:") ? written : roleArn(home, written);
}
