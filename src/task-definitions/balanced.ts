import { isMap, type Json, type JsonMap } from "../domain/json.ts";
import type { Fault } from "./judge.ts";

/** Where a load balancer sends what it is asked, as the service has it. */
export interface Balanced {
  readonly container: string;
  readonly port: number;
}

/** Containers and ports that a load balancer of the service names, and the definition does not have: UpdateService refuses it. */
export function unbalanced(content: JsonMap, balanced: readonly Balanced[]): readonly Fault[] {
  const containers = listOf(content["containerDefinitions"]);
  return balanced.flatMap(({ container, port }): Fault[] => {
    const index = containers.findIndex((one) => one["name"] === container);
    const ports = listOf(containers[index]?.["portMappings"]).map((mapping) => mapping["containerPort"]);
    if (ports.includes(port)) return [];
    return [
      {
        id: "load-balancer-port",
        level: "error",
        path: index < 0 ? ["containerDefinitions"] : ["containerDefinitions", index, "portMappings"],
        what: `The load balancer of the service sends to port ${port} of container ${container}, and the definition has ${index < 0 ? "no such container" : "no such port in its `portMappings`"}.`,
        fix: `Add \`{ "containerPort": ${port} }\` to \`portMappings\` of container ${container}; or let the infrastructure name another container and port.`,
        source: "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LoadBalancer.html",
      },
    ];
  });
}

function listOf(value: Json | undefined): readonly JsonMap[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isMap) : [];
}
