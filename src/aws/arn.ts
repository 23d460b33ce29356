/** The regions of one AWS are a partition: China and GovCloud have their own. */
export type Partition = "aws" | "aws-cn" | "aws-us-gov";

/** An Amazon Resource Name in its parts. `resource` is all that follows the account: `service/cluster/name`. */
export interface Arn {
  readonly partition: Partition;
  readonly service: string;
  /** Empty for what is global: IAM, S3. */
  readonly region: string;
  /** Empty for S3 buckets. */
  readonly account: string;
  readonly resource: string;
}

/** Where a stack lives: enough to build the ARN of anything that has a name. */
export interface Home {
  readonly partition: Partition;
  readonly region: string;
  readonly account: string;
}

/** @returns null when the text is not an ARN of a partition that we know. */
export function parseArn(text: string): Arn | null {
  const match = /^arn:(aws|aws-cn|aws-us-gov):([a-z0-9-]+):([a-z0-9-]*):(\d{12})?:(.+)$/s.exec(text);
  if (match === null) return null;
  const [, partition, service = "", region = "", account = "", resource = ""] = match;
  return { partition: partition as Partition, service, region, account, resource };
}

export function showArn({ partition, service, region, account, resource }: Arn): string {
  return `arn:${partition}:${service}:${region}:${account}:${resource}`;
}

/** Source: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html */
export function partitionOf(region: string): Partition {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}

/** What follows the last slash or colon: the name of a cluster, a service or a role, the id of a task. */
export function nameOf(arn: string): string {
  return arn.slice(Math.max(arn.lastIndexOf("/"), arn.lastIndexOf(":")) + 1);
}

/** In the long format, which names the cluster. */
export function serviceArn(home: Home, cluster: string, service: string): string {
  return showArn({ ...home, service: "ecs", resource: `service/${cluster}/${service}` });
}

export function taskDefinitionArn(home: Home, family: string, revision: number): string {
  return showArn({ ...home, service: "ecs", resource: `task-definition/${family}:${revision}` });
}

/** @param name with its path, if it has one: `service-role/name`. */
export function roleArn(home: Home, name: string): string {
  return showArn({ ...home, service: "iam", region: "", resource: `role/${name}` });
}

/** @param path `/stack/key`; the slash in front is not repeated in the ARN. */
export function parameterArn(home: Home, path: string): string {
  return showArn({ ...home, service: "ssm", resource: `parameter/${path.replace(/^\//, "")}` });
}

/** Without the six characters that AWS appends to a secret's name: reads and ECS find it by its name alone. */
export function secretArn(home: Home, name: string): string {
  return showArn({ ...home, service: "secretsmanager", resource: `secret:${name}` });
}
