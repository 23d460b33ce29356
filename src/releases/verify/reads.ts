import { DescribeLogGroupsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DescribeParametersCommand } from "../../aws/ssm.ts";
import * as z from "zod";
import { type Home, nameOf, parseArn, roleArn } from "../../aws/arn.ts";
import { DescribeSubnetsCommand } from "../../aws/ec2.ts";
import { DescribeTargetGroupsCommand } from "../../aws/elb.ts";
import { isAwsError } from "../../aws/error.ts";
import { GetRoleCommand, SimulatePrincipalPolicyCommand } from "../../aws/iam.ts";
import { DescribeSecretCommand, GetSecretValueCommand } from "../../aws/secrets-manager.ts";
import type { Clients } from "../connections.ts";
import type { Decision, RoleFacts, SecretFacts, TargetGroupFacts } from "./facts.ts";
import { type Kind, keyOf } from "./needs.ts";

/** ARNs of those that are there. Names only: a plan must not read values. */
export async function parametersAmong(
  { ssm }: Pick<Clients, "ssm">,
  needs: readonly Kind<"parameter">[],
): Promise<readonly string[]> {
  const byName = new Map(needs.flatMap(({ arn }) => namesOf(arn).map((name) => [name, arn] as const)));
  const found: string[] = [];
  let NextToken: string | undefined;
  do {
    const filters = [{ Key: "Name", Option: "Equals", Values: [...byName.keys()] }];
    const page = await ssm(new DescribeParametersCommand({ ParameterFilters: filters, MaxResults: 50, NextToken }), {
      resource: "parameters of the tasks",
    });
    found.push(...(page.Parameters ?? []).flatMap(({ Name = "" }) => byName.get(Name) ?? []));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return found;
}

/** The ARN does not tell whether a name without a path has a slash before it. */
function namesOf(arn: string): readonly string[] {
  const path = parseArn(arn)?.resource.slice("parameter/".length) ?? "";
  return path.includes("/") ? [`/${path}`] : [path, `/${path}`];
}

/**
 * A secret, without its value.
 * @param readsKeys its value is read, for the names of its keys, and let go
 * @returns null when it is not there
 */
export async function secretAt(
  { secretsManager }: Pick<Clients, "secretsManager">,
  arn: string,
  readsKeys: boolean,
): Promise<SecretFacts | null> {
  const resource = `secret ${nameOf(arn)}`;
  const found = await secretsManager(new DescribeSecretCommand({ SecretId: arn }), { resource }).catch(notThere);
  if (found === null) return null;
  const facts = { arn: found.ARN ?? arn, isDeleted: found.DeletedDate !== undefined };
  if (facts.isDeleted || !readsKeys) return { ...facts, keys: null };
  const { SecretString = "" } = await secretsManager(new GetSecretValueCommand({ SecretId: arn }), { resource });
  return { ...facts, keys: keysIn(SecretString) };
}

const objectSchema = z.record(z.string(), z.unknown());

function keysIn(text: string): SecretFacts["keys"] {
  try {
    const value = objectSchema.safeParse(JSON.parse(text));
    return value.success ? Object.keys(value.data) : "no-object";
  } catch {
    return "no-object";
  }
}

/** Who may take a role on. @param name with its path, which IAM does not ask for. @returns null when it is not there */
export async function roleNamed({ iam }: Pick<Clients, "iam">, name: string): Promise<RoleFacts | null> {
  const RoleName = nameOf(`/${name}`);
  const found = await iam(new GetRoleCommand({ RoleName }), { resource: `role ${name}` }).catch(notThere);
  if (found === null) return null;
  return { isForTasks: trustsTasks(decodeURIComponent(found.Role?.AssumeRolePolicyDocument ?? "{}")) };
}

const oneOrMore = z.union([z.string().transform((one) => [one]), z.array(z.string())]);
const trustSchema = z.looseObject({
  Statement: z.union([z.looseObject({}).transform((one) => [one]), z.array(z.looseObject({}))]),
});
const tasksMayAssume = z.looseObject({
  Effect: z.literal("Allow"),
  Action: oneOrMore.refine((actions) => actions.some((one) => ["sts:AssumeRole", "sts:*", "*"].includes(one))),
  Principal: z.looseObject({ Service: oneOrMore.refine((all) => all.includes("ecs-tasks.amazonaws.com")) }),
});

/** Conditions of the trust policy are not looked at: what ECS brings for them is not known before. */
function trustsTasks(document: string): boolean {
  const policy = trustSchema.safeParse(JSON.parse(document));
  return policy.success && policy.data.Statement.some((statement) => tasksMayAssume.safeParse(statement).success);
}

/**
 * What the policies of one role say of each action on each resource, in one context.
 * @param arns of resources that are called otherwise in policies, by how the need names them
 */
export async function simulated(
  { iam }: Pick<Clients, "iam">,
  home: Home,
  needs: readonly Kind<"right">[],
  arns: ReadonlyMap<string, string>,
): Promise<readonly (readonly [key: string, decision: Decision])[]> {
  const [first] = needs;
  const named = new Map(needs.map(({ resource }) => [arns.get(resource) ?? resource, resource]));
  if (first === undefined) return [];
  const entries = Object.entries(first.context).map(([ContextKeyName, value]) => {
    return { ContextKeyName, ContextKeyValues: [value], ContextKeyType: "string" as const };
  });
  const found: (readonly [string, Decision])[] = [];
  let Marker: string | undefined;
  do {
    const page = await iam(
      new SimulatePrincipalPolicyCommand({
        PolicySourceArn: roleArn(home, first.role),
        ActionNames: [...new Set(needs.map(({ action }) => action))],
        ResourceArns: [...named.keys()],
        ContextEntries: entries.length === 0 ? undefined : entries,
        Marker,
      }),
      { resource: `role ${first.role}` },
    ).catch(notThere);
    if (page === null) return [];
    for (const {
      EvalActionName: action,
      EvalResourceName: resource,
      EvalDecision: decision,
    } of page.EvaluationResults ?? []) {
      const known = named.get(resource ?? "");
      if (action === undefined || known === undefined) continue;
      found.push([keyOf({ ...first, action, resource: known }), decisionOf(decision)]);
    }
    Marker = page.IsTruncated === true ? page.Marker : undefined;
  } while (Marker !== undefined);
  return found;
}

function decisionOf(text: string | undefined): Decision {
  return text === "allowed" || text === "explicitDeny" ? text : "implicitDeny";
}

/** Is there a log group of this very name? */
export async function hasLogGroup({ logs }: Pick<Clients, "logs">, name: string): Promise<boolean> {
  let nextToken: string | undefined;
  do {
    const page = await logs(new DescribeLogGroupsCommand({ logGroupNamePrefix: name, nextToken }), {
      resource: `log group ${name}`,
    });
    if (page.logGroups?.some(({ logGroupName }) => logGroupName === name) === true) return true;
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return false;
}

/** Target groups that are there, by ARN. Of several, one that is not there is an error for all: then each is asked for. */
export async function targetGroupsAmong(
  { elb }: Pick<Clients, "elb">,
  needs: readonly Kind<"target-group">[],
): Promise<readonly (readonly [string, TargetGroupFacts])[]> {
  const arns = needs.map(({ arn }) => arn);
  try {
    const { TargetGroups = [] } = await elb(new DescribeTargetGroupsCommand({ TargetGroupArns: arns }), {
      resource: `target groups ${arns.map((arn) => arn.split("/")[1] ?? arn).join(", ")}`,
    });
    return TargetGroups.map(({ TargetGroupArn = "", TargetType = "", LoadBalancerArns = [] }) => [
      TargetGroupArn,
      { type: TargetType, hasBalancer: LoadBalancerArns.length > 0 },
    ]);
  } catch (error) {
    if (!isAwsError(error, "not-found")) throw error;
    if (needs.length === 1) return [];
    return (await Promise.all(needs.map((need) => targetGroupsAmong({ elb }, [need])))).flat();
  }
}

/** Subnets that are there, with their free addresses. */
export async function subnetsAmong(
  { ec2 }: Pick<Clients, "ec2">,
  needs: readonly Kind<"subnet">[],
): Promise<readonly (readonly [string, number])[]> {
  const Values = needs.map(({ id }) => id);
  const { Subnets = [] } = await ec2(new DescribeSubnetsCommand({ Filters: [{ Name: "subnet-id", Values }] }), {
    resource: `subnets ${Values.join(", ")}`,
  });
  return Subnets.map(({ SubnetId = "", AvailableIpAddressCount = 0 }) => [SubnetId, AvailableIpAddressCount]);
}

function notThere(error: unknown): null {
  if (isAwsError(error, "not-found")) return null;
  throw error;
}
