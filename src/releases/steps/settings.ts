import { applySettings } from "../../deployments/index.ts";
import { showSettings, type Step } from "../../domain/plan.ts";
import type { Workshop } from "../workshop.ts";
import type { Done } from "./done.ts";

/** Sets how a service replaces its tasks. @throws UserError, AwsError */
export async function setReplacement(
  { clients, stack }: Pick<Workshop, "clients" | "stack">,
  { name: service, from, to }: Extract<Step, { kind: "settings" }>,
): Promise<Done> {
  const done = await applySettings(clients.ecs, { cluster: stack.contract.cluster, service, from, to });
  return { results: {}, parts: {}, said: done === "changed" ? showSettings(to) : "set already" };
}
