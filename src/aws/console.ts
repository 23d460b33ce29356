import { type Arn, parseArn, type Partition } from "./arn.ts";

/** Where each AWS has its console. Source: the endpoints page of each partition's user guide. */
const hosts: Readonly<Record<Partition, string>> = {
  aws: "console.aws.amazon.com",
  "aws-cn": "console.amazonaws.cn",
  "aws-us-gov": "console.amazonaws-us-gov.com",
};

/** The page of a service's deployments. @param serviceArn in the long format, which names the cluster. @returns null for no such ARN */
export function deploymentsPage(serviceArn: string): string | null {
  const arn = parseArn(serviceArn);
  const [, cluster, service] = /^service\/([^/]+)\/([^/]+)$/.exec(arn?.resource ?? "") ?? [];
  if (arn === null || cluster === undefined || service === undefined) return null;
  const path = `ecs/v2/clusters/${encodeURIComponent(cluster)}/services/${encodeURIComponent(service)}/deployments`;
  return page(arn, `${path}?region=${arn.region}`);
}

/** The page of a task, as long as ECS knows it. @param taskArn in the long format. @returns null for no such ARN */
export function taskPage(taskArn: string): string | null {
  const arn = parseArn(taskArn);
  const [, cluster, task] = /^task\/([^/]+)\/([^/]+)$/.exec(arn?.resource ?? "") ?? [];
  if (arn === null || cluster === undefined || task === undefined) return null;
  const path = `ecs/v2/clusters/${encodeURIComponent(cluster)}/tasks/${encodeURIComponent(task)}`;
  return page(arn, `${path}?region=${arn.region}`);
}

/** The page of a log stream. @param near an ARN of the same account and, unless told, region. @returns null when that is no ARN */
export function logStreamPage(
  near: string,
  { group, stream, region }: { readonly group: string; readonly stream: string; readonly region?: string | undefined },
): string | null {
  const arn = parseArn(near);
  if (arn === null) return null;
  const where = region ?? arn.region;
  const way = `log-groups/log-group/${twiceEncoded(group)}/log-events/${twiceEncoded(stream)}`;
  return page(arn, `cloudwatch/home?region=${encodeURIComponent(where)}#logsV2:${way}`);
}

function page({ partition }: Arn, path: string): string {
  return `https://${hosts[partition]}/${path}`;
}

/** Behind the `#`, CloudWatch wants names encoded twice, and `$` in the place of the outer `%`. */
function twiceEncoded(name: string): string {
  return encodeURIComponent(encodeURIComponent(name)).replaceAll("%", "$");
}
