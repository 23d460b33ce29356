import { DescribeTasksCommand, ListTasksCommand, type Task } from "@aws-sdk/client-ecs";
import type { EachWebserver } from "../gates/webserver.ts";
import type { Stack } from "../stack/stack.ts";
import type { Clients } from "./connections.ts";
import { type AskedWebserver, prefixIn } from "./webserver.ts";

/** How the tasks of a webserver are asked one by one; null: the stack file does not want it. @param key of the service */
export function eachWebserver(
  { at, isInside }: Pick<AskedWebserver, "at" | "isInside">,
  { ecs }: Pick<Clients, "ecs">,
  { gates, services, contract }: Pick<Stack, "gates" | "services" | "contract">,
  key: string,
): EachWebserver | null {
  const service = services[key];
  if (gates.everyWebserver === "off" || service?.kind !== "webserver") return null;
  const { cluster } = contract;
  const resource = `service ${service.service} in cluster ${cluster}`;
  return {
    at,
    isInside,
    isRequired: gates.everyWebserver === "required",
    place: service.place,
    urls: async () => {
      const listed = await ecs(new ListTasksCommand({ cluster, serviceName: service.service }), { resource });
      const { taskArns = [] } = listed;
      if (taskArns.length === 0) return [];
      const { tasks = [] } = await ecs(new DescribeTasksCommand({ cluster, tasks: taskArns }), { resource });
      const running = tasks.filter(({ lastStatus }) => lastStatus === "RUNNING");
      const addresses = running.flatMap((task) => privateAddress(task) ?? []);
      if (addresses.length === 0 && running.length > 0) return null;
      return addresses.map((address) => `http://${address}:${service.port}${prefixIn(service.url)}`);
    },
  };
}

/** Of a task with a network interface of its own. Source: API_Attachment in the ECS API reference. */
function privateAddress({ attachments = [] }: Task): string | null {
  const details = attachments.flatMap((attachment) => attachment.details ?? []);
  return details.find(({ name }) => name === "privateIPv4Address")?.value ?? null;
}
