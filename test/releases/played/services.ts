import type { Service } from "@aws-sdk/client-ecs";
import { parseRevision, type Revision } from "../../../src/domain/verdict.ts";
import type { LocalAws } from "../../local-aws/local-aws.ts";
import { readPastClient } from "../../unit/local-aws/stage.ts";

/** Every ECS service of the played stack by its key, in the order of their names: that of `code` is called `small-code`. */
export async function servicesByKey(aws: LocalAws, stack = "small"): Promise<readonly (readonly [string, Service])[]> {
  const prefix = `${stack}-`;
  const { serviceArns = [] } = (await readPastClient(aws, "ListServices", { cluster: stack })) as {
    readonly serviceArns?: readonly string[];
  };
  const names = serviceArns.map((arn) => arn.slice(arn.lastIndexOf("/") + 1)).filter((name) => name.startsWith(prefix));
  const { services = [] } = (await readPastClient(aws, "DescribeServices", {
    cluster: stack,
    services: names.toSorted(),
  })) as { readonly services?: readonly Service[] };
  return services.map((service) => [(service.serviceName ?? "").slice(prefix.length), service]);
}

/** What each service is to run now; null: it has a count of 0. */
export async function whatRuns({
  aws,
}: {
  readonly aws: LocalAws;
}): Promise<Readonly<Record<string, Revision | null>>> {
  const services = await servicesByKey(aws);
  return Object.fromEntries(
    services.map(([key, { desiredCount, taskDefinition = "" }]) => [
      key,
      desiredCount === 0 ? null : parseRevision(taskDefinition),
    ]),
  );
}
