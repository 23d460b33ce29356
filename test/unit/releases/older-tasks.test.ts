import type { EcsSend } from "../../../src/aws/ecs.ts";
import { awaitOlderTasks } from "../../../src/releases/older-tasks.ts";
import { olderTasksSeconds } from "../../../src/releases/time-outs.ts";
import { testContext } from "../context.ts";

const definition = (revision: number): string =>
  `arn:aws:ecs:eu-central-1:123456789012:task-definition/app:${revision}`;

/** An ECS that never stops the older task of a service, as when it is protected against being scaled in. */
function stubborn(cleanup: "DEFERRED" | "BLOCKING"): EcsSend {
  return (async ({ constructor: { name }, input }: { readonly input: { readonly desiredStatus?: string } }) => {
    if (name === "ListTasksCommand")
      return {
        taskArns: input.desiredStatus === "RUNNING" ? ["arn:aws:ecs:eu-central-1:123456789012:task/main/1"] : [],
      };
    if (name === "DescribeTasksCommand")
      return { tasks: [{ lastStatus: "RUNNING", taskDefinitionArn: definition(6) }] };
    return {
      services: [
        {
          serviceName: "app",
          status: "ACTIVE",
          taskDefinition: definition(7),
          deploymentConfiguration: { earlySuccessCriteria: { enable: true, sourceServiceRevisionCleanup: cleanup } },
          deployments: [
            { id: "ecs-svc/1", status: "PRIMARY", taskDefinition: definition(7), rolloutState: "COMPLETED" },
          ],
        },
      ],
    };
  }) as unknown as EcsSend;
}

async function wait(cleanup: "DEFERRED" | "BLOCKING", always: boolean) {
  const { context, clock, progress } = testContext();
  const begun = clock.product.now();
  const stack = {
    contract: { cluster: "main" },
    services: { code: { service: "app" } },
  } as unknown as Parameters<typeof awaitOlderTasks>[0]["stack"];
  const cause = await clock.run(
    awaitOlderTasks({ context, stack, clients: { ecs: stubborn(cleanup) } }, "code", always),
  );
  return { cause, seconds: (clock.product.now() - begun) / 1000, progress };
}

test.each(["DEFERRED", "BLOCKING"] as const)(
  "An older task that stays is waited for, and then named (%s)",
  async (cleanup) => {
    const { cause, seconds, progress } = await wait(cleanup, true);
    expect(cause).toMatchObject({
      id: "older-tasks",
      what: expect.stringContaining("1 older task of service app still run") as string,
    });
    expect(cause?.fix?.includes("sourceServiceRevisionCleanup")).toBe(cleanup === "DEFERRED");
    expect(seconds).toBeCloseTo(olderTasksSeconds, -1);
    expect(progress).toEqual([{ kind: "line", text: "code  its gate waits for 1 older, which ECS has yet to stop" }]);
  },
);

test("Where ECS itself has waited for them, nobody who need not looks for tasks", async () => {
  expect(await wait("BLOCKING", false)).toMatchObject({ cause: null, seconds: 0 });
});
