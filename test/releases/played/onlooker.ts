import type { Service, Task } from "@aws-sdk/client-ecs";
import { parseRevision, type Revision, showRevision } from "../../../src/domain/verdict.ts";
import { readPastClient } from "../../unit/local-aws/stage.ts";
import type { PlayedAccount } from "./account.ts";

/** Keys of the services of the played stack, in the order in which they are rolled. */
export const serviceKeys = ["code", "daemon", "webserver"] as const;
export type ServiceKey = (typeof serviceKeys)[number];

/** Somebody who looks at the tasks of a service every second, past every deployer. */
export interface Onlooker {
  /** Moments at which none of these revisions ran: `12 s: small-code:3 (PENDING)`. */
  gaps(good: readonly Revision[]): readonly string[];
  stop(): void;
}

export async function servicesOf({ aws }: PlayedAccount): Promise<Readonly<Record<ServiceKey, Service>>> {
  const { services = [] } = (await readPastClient(aws, "DescribeServices", {
    cluster: "small",
    services: serviceKeys.map((key) => `small-${key}`),
  })) as { readonly services?: readonly Service[] };
  return Object.fromEntries(
    serviceKeys.map((key) => [key, services.find(({ serviceName }) => serviceName === `small-${key}`) ?? {}]),
  ) as Record<ServiceKey, Service>;
}

/** What each service is to run now; null: it has a count of 0. */
export async function revisionsOf(account: PlayedAccount): Promise<Readonly<Record<ServiceKey, Revision | null>>> {
  const services = await servicesOf(account);
  return Object.fromEntries(
    serviceKeys.map((key) => {
      const { desiredCount, taskDefinition = "" } = services[key];
      return [key, desiredCount === 0 ? null : parseRevision(taskDefinition)];
    }),
  ) as Record<ServiceKey, Revision | null>;
}

export function lookAt(account: PlayedAccount, key: ServiceKey): Onlooker {
  const { clock, aws } = account;
  const begun = clock.product.now();
  const seen: { readonly second: number; readonly running: readonly string[]; readonly all: readonly string[] }[] = [];
  let stopped = false;
  const look = async (): Promise<void> => {
    if (stopped) return;
    clock.bed.after(1000, () => void look());
    const second = (clock.product.now() - begun) / 1000;
    const { taskArns = [] } = (await readPastClient(aws, "ListTasks", {
      cluster: "small",
      serviceName: `small-${key}`,
    })) as { readonly taskArns?: readonly string[] };
    const { tasks = [] } =
      taskArns.length === 0
        ? {}
        : ((await readPastClient(aws, "DescribeTasks", { cluster: "small", tasks: taskArns })) as {
            readonly tasks?: readonly Task[];
          });
    const named = tasks.map(({ taskDefinitionArn = "", lastStatus = "", desiredStatus = "" }) => {
      const revision = parseRevision(taskDefinitionArn);
      return { name: revision === null ? "" : showRevision(revision), lastStatus, desiredStatus };
    });
    seen.push({
      second,
      // What is told to stop is taken out first, and answers until then.
      running: named.filter(({ lastStatus }) => lastStatus === "RUNNING").map(({ name }) => name),
      all: named.map(({ name, lastStatus }) => `${name} (${lastStatus})`),
    });
  };
  void look();
  return {
    gaps: (good) => {
      const names = good.map(showRevision);
      return seen
        .filter(({ running }) => !running.some((name) => names.includes(name)))
        .map(({ second, all }) => `${second} s: ${all.join(", ") || "nothing"}`);
    },
    stop: () => {
      stopped = true;
    },
  };
}
