import { observeServices, type ServiceNetwork } from "../deployments/index.ts";
import { type Contract, networkSchema } from "../domain/contract.ts";
import { UserError } from "../domain/errors.ts";
import type { Clients } from "./connections.ts";

/**
 * Network of tasks that are not of a service.
 * @throws UserError when the contract names it in a way that this version does not look up
 */
export async function taskNetwork(
  { ecs }: Pick<Clients, "ecs">,
  { cluster, network }: Contract,
  where: string,
): Promise<ServiceNetwork> {
  const parsed = networkSchema.parse(network);
  if ("like-service" in parsed) {
    const name = parsed["like-service"];
    const like = (await observeServices(ecs, cluster, [name]))[name]?.network ?? null;
    if (like !== null) return like;
    throw new UserError({
      what: `The contract takes its network from service ${name}, which has none or does not exist.`,
      where,
      fix: "Name a service of the cluster that runs in the VPC, or the subnets and security groups themselves.",
    });
  }
  if (Array.isArray(parsed.subnets)) {
    return {
      subnets: parsed.subnets,
      securityGroups: parsed["security-groups"],
      publicAddress: parsed["public-address"],
    };
  }
  throw new UserError({
    what: "The contract names its subnets by tags, which this version does not look up.",
    where,
    fix: "Name their ids, or a service that runs in them: `network: { like-service: … }`.",
  });
}
