/** What a caller was not allowed to do, as AWS's message tells it. */
export interface Denial {
  /** IAM action: `ecs:UpdateService`. */
  readonly action: string;
  /** ARN, or `*` when the message does not say. */
  readonly resource: string;
  /** Role or user that was refused, by its name; null when the message does not say. */
  readonly principal: string | null;
  /** A policy that forbids it, in AWS's words (`a service control policy`); null when nothing allows it. */
  readonly deniedBy: string | null;
}

/** Operations whose IAM action has another name. Source: Service Authorization Reference, Amazon S3 and Amazon CloudWatch Logs. */
const otherNames: Readonly<Record<string, string>> = {
  "s3:HeadBucket": "s3:ListBucket",
  "s3:ListObjectsV2": "s3:ListBucket",
  "s3:ListObjectVersions": "s3:ListBucketVersions",
  "s3:HeadObject": "s3:GetObject",
  "s3:CopyObject": "s3:PutObject",
  "s3:DeleteObjects": "s3:DeleteObject",
};

/** @param prefix of the service's IAM actions: `ecs`, `elasticloadbalancing`. */
export function actionOf(prefix: string, operation: string): string {
  const action = `${prefix}:${operation}`;
  return otherNames[action] ?? action;
}

/**
 * Reads `User: … is not authorized to perform: ecs:UpdateService on resource: arn:… because …`. S3 often says nothing but
 * "Access Denied"; then the operation stands for the action.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
export function denialOf(message: string, prefix: string, operation: string): Denial {
  const action = /not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9]+)/.exec(message)?.[1];
  const resource = /on resource:? "?(arn:[^\s"]+|\*)/.exec(message)?.[1];
  const [, role, user] =
    /^User: arn:\S+?:(?:assumed-role\/([^\s/]+)\/\S+|(?:user|role)\/\S*?([^\s/]+)) is not authorized/.exec(message) ??
    [];
  const deniedBy = /with an explicit deny(?: in (an? [\w -]+?))?(?:: arn:\S+)?(?:[.,]|$)/.exec(message);
  return {
    action: action ?? actionOf(prefix, operation),
    resource: resource ?? "*",
    principal: role ?? user ?? null,
    deniedBy: deniedBy === null ? null : (deniedBy[1] ?? "a policy"),
  };
}

/** A policy statement ready to paste. */
export function statementFor({ action, resource }: Pick<Denial, "action" | "resource">): string {
  return JSON.stringify({ Effect: "Allow", Action: action, Resource: resource });
}
