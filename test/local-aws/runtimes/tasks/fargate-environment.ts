import type { RuntimeTask } from "../../runtime.ts";

/** What surrounds a task. */
export interface Surroundings {
  readonly region: string;
  /** URL of the gateway as tasks reach it. */
  readonly gateway: string;
}

/** What Fargate sets and a definition may replace. */
export function fargateEnvironment(task: RuntimeTask, region: string): Readonly<Record<string, string>> {
  return {
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EXECUTION_ENV: "AWS_ECS_FARGATE",
    ...credentials(task),
  };
}

/** Access key ids of this bed are names of roles. Without a task role there are no credentials, as on Fargate. */
function credentials({ definition, overrides }: RuntimeTask): Record<string, string> {
  const role = overrides.taskRoleArn ?? definition.taskRoleArn;
  const noOthers = { AWS_EC2_METADATA_DISABLED: "true" };
  return role === undefined
    ? noOthers
    : { ...noOthers, AWS_ACCESS_KEY_ID: roleName(role), AWS_SECRET_ACCESS_KEY: "secret" };
}

/** The last part of a role's ARN, or the name itself. */
export function roleName(role: string): string {
  return role.slice(role.lastIndexOf("/") + 1);
}

/** What keeps a container in the bed; nobody may replace it. */
export function bedEnvironment(
  taskId: string,
  container: string,
  { gateway }: Surroundings,
): Readonly<Record<string, string>> {
  const { host, hostname } = new URL(gateway);
  const proxy = `http://${taskId}:x@${host}`;
  return {
    AWS_ENDPOINT_URL: gateway,
    ECS_CONTAINER_METADATA_URI_V4: `${gateway}/v4/${taskId}/${encodeURIComponent(container)}`,
    // Names and localhost reach the gateway unresolved, which knows who asks. gRPC and HTTP clients both honour these.
    grpc_proxy: proxy,
    http_proxy: proxy,
    no_proxy: hostname,
  };
}
