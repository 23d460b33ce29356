import { DescribeTasksCommand, ListTasksCommand } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../aws/ecs.ts";
import type { Stack } from "../stack/stack.ts";

/**
 * When the newest task of a service was started, in milliseconds since 1970; null when ECS does not say yet.
 * @param key of the service
 */
export async function taskStart(
  ecs: EcsSend,
  { contract, services }: Pick<Stack, "contract" | "services">,
  key: string,
): Promise<number | null> {
  const service = services[key]?.service ?? key;
  const resource = `service ${service} in cluster ${contract.cluster}`;
  const { taskArns = [] } = await ecs(new ListTasksCommand({ cluster: contract.cluster, serviceName: service }), {
    resource,
  });
  const { tasks = [] } =
    taskArns.length === 0
      ? {}
      : await ecs(new DescribeTasksCommand({ cluster: contract.cluster, tasks: taskArns }), { resource });
  const starts = tasks.flatMap(({ startedAt }) => startedAt?.getTime() ?? []);
  return starts.length === 0 || starts.length < tasks.length ? null : Math.max(...starts);
}
