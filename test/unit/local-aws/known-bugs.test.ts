import { waitUntilServicesStable } from "@aws-sdk/client-ecs";
import { breakerAlone, breakerWithRollback, openStage } from "./stage.ts";

const soon = { minDelay: 0.001, maxDelay: 0.002, maxWaitTime: 0.05 };

/** What published deployers fall for: the bed must be able to show it. */
describe("the SDK's own waiter", () => {
  test("calls a service stable after ECS has rolled it back", async () => {
    const stage = await openStage();
    await stage.create(await stage.register(), { deploymentConfiguration: breakerWithRollback });
    await stage.untilSettled();
    stage.runtime.script("app:2", { kind: "exits", code: 1, afterSeconds: 1 });
    await stage.update({ taskDefinition: await stage.register() });
    await stage.untilSettled();

    const { state } = await waitUntilServicesStable(
      { client: stage.ecs, ...soon },
      { cluster: "main", services: ["app"] },
    );
    expect(state).toBe("SUCCESS");
    expect((await stage.service()).taskDefinition).toMatch(/app:1$/);
  });

  test("waits to the end of its time for a deployment that has failed for good", async () => {
    const stage = await openStage();
    await stage.create(await stage.register(), { deploymentConfiguration: breakerAlone });
    await stage.untilSettled();
    stage.runtime.script("app:2", { kind: "exits", code: 1, afterSeconds: 1 });
    await stage.update({ taskDefinition: await stage.register() });
    await stage.untilSettled();
    await expect(
      waitUntilServicesStable({ client: stage.ecs, ...soon }, { cluster: "main", services: ["app"] }),
    ).rejects.toMatchObject({ name: "TimeoutError", message: expect.stringContaining('"state":"TIMEOUT"') as unknown });
  });
});
