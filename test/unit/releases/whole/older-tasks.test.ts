import type { Task } from "@aws-sdk/client-ecs";
import { deployer } from "../../../releases/played/deployer.ts";
import { servicesOf } from "../../../releases/played/onlooker.ts";
import { type Situation, situation } from "../../../releases/played/situations.ts";
import type { Wire } from "../../../releases/played/wire.ts";
import { readPastClient } from "../../local-aws/stage.ts";

let there: Situation;
afterEach(() => there.account.close());

/** A code server that takes so many seconds to end. @param cleanup when ECS calls its deployment complete */
async function slowToEnd(seconds: number, cleanup: "DEFERRED" | "BLOCKING"): Promise<void> {
  there = await situation("a change of code");
  const { account, isNew } = there;
  const { deploymentConfiguration } = (await servicesOf(account)).code;
  const quick = { startsAfterSeconds: 1, healthyAfterSeconds: 1 };
  account.runtime.script((task) => task.definition.family === "small-code" && !isNew("code")(task), {
    kind: "healthy",
    ...quick,
    stopsAfterSeconds: seconds,
  });
  const earlySuccessCriteria = { enable: true, healthyPercent: 100, sourceServiceRevisionCleanup: cleanup };
  await readPastClient(account.aws, "UpdateService", {
    cluster: "small",
    service: "small-code",
    forceNewDeployment: true,
    deploymentConfiguration: { ...deploymentConfiguration, earlySuccessCriteria },
  });
  await account.clock.pass(120_000);
}

async function olderTasks(): Promise<number> {
  const all = await Promise.all(
    ["RUNNING", "STOPPED"].map(async (desiredStatus) => {
      const { taskArns: tasks = [] } = (await readPastClient(there.account.aws, "ListTasks", {
        cluster: "small",
        serviceName: "small-code",
        desiredStatus,
      })) as { readonly taskArns?: readonly string[] };
      if (tasks.length === 0) return [];
      const described = await readPastClient(there.account.aws, "DescribeTasks", { cluster: "small", tasks });
      return (described as { readonly tasks?: readonly Task[] }).tasks ?? [];
    }),
  );
  const former = `small-code:${there.before.code?.revision}`;
  const ended = ["DEPROVISIONING", "STOPPED"];
  return all.flat().filter((task) => !ended.includes(task.lastStatus ?? "") && task.taskDefinitionArn?.endsWith(former))
    .length;
}

/** Older tasks that ran whenever Dagster was asked for locations, once the code server had been told to roll. */
async function asked(): Promise<{ readonly beside: readonly number[]; readonly lines: string }> {
  const beside: number[] = [];
  let hasRolled = false;
  const wire: Wire = async (call, effect) => {
    if (hasRolled && call.operation === "Locations") beside.push(await olderTasks());
    const answer = await effect();
    hasRolled ||= call.operation === "UpdateService";
    return answer;
  };
  const who = deployer(there.account, { run: 2, wire });
  const { outcome } = await there.account.clock.run(who.deploy());
  expect(outcome).toBe("committed");
  return { beside, lines: JSON.stringify(who.progress) };
}

test.each(["DEFERRED", "BLOCKING"] as const)(
  "A location is asked for only once no older code server runs, whenever ECS calls the deployment complete (%s)",
  async (cleanup) => {
    await slowToEnd(25, cleanup);
    const { beside, lines } = await asked();
    expect(beside.length).toBeGreaterThan(2);
    expect(beside.filter((count) => count > 0)).toEqual([]);
    expect(lines.includes("its gate waits for 1 older")).toBe(cleanup === "DEFERRED");
  },
);
