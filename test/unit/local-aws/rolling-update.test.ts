import { breakerWithRollback, openStage } from "./stage.ts";

describe("a rolling update", () => {
  test("of one task, 100/200, starts the new one, waits until it counts, and stops the old one", async () => {
    const stage = await openStage();
    await stage.create(await stage.register(), { deploymentConfiguration: breakerWithRollback });
    await stage.untilSettled();
    const next = await stage.register({ image: "registry/app:2" });
    await stage.update({ taskDefinition: next });

    const { deployments = [], taskDefinition } = await stage.untilSettled();

    expect(taskDefinition).toMatch(/app:2$/);
    expect(deployments).toMatchObject([{ status: "PRIMARY", rolloutState: "COMPLETED", runningCount: 1 }]);
    expect(await stage.serviceDeployment()).toMatchObject({ status: "SUCCESSFUL" });
    const events = await stage.events();
    expect(events.slice(0, 4)).toEqual([
      expect.stringMatching(/^\(service app\) has reached a steady state\.$/),
      expect.stringMatching(/^\(service app\) \(deployment ecs-svc\/\d{19}\) deployment completed\.$/),
      expect.stringMatching(/^\(service app\) has stopped 1 running tasks: \(task [0-9a-f]{32}\)\.$/),
      expect.stringMatching(/^\(service app\) has started 1 tasks: \(task [0-9a-f]{32}\)\.$/),
    ]);
  });

  test("is as many times faster as the speed says, but for what runs in containers", async () => {
    const seconds = async (speed: number, healthyAfterSeconds: number) => {
      const stage = await openStage({ speed });
      stage.runtime.script("app", {
        kind: "healthy",
        startsAfterSeconds: 0,
        stopsAfterSeconds: 0,
        healthyAfterSeconds,
      });
      await stage.create(await stage.register({ healthCheck: true }));
      const before = stage.clock.bed.now();
      await stage.untilSettled();
      return (stage.clock.bed.now() - before) / 1000;
    };
    // A second of scheduling twice, twelve of provisioning, and the container's own.
    expect(await seconds(1, 0)).toBe(14);
    expect(await seconds(14, 0)).toBe(1);
    expect(await seconds(14, 100)).toBe(101);
  });
});
