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

  test("that has completed counts no failures", async () => {
    const stage = await openStage();
    let starts = 0;
    const first = new Set<string>();
    stage.runtime.script(
      ({ id }) => {
        starts += 1;
        if (starts === 1) first.add(id);
        return first.has(id);
      },
      { kind: "exits", code: 1, afterSeconds: 1 },
    );
    await stage.create(await stage.register(), {
      deploymentConfiguration: {
        deploymentCircuitBreaker: { enable: true, rollback: true, resetOnHealthyTask: false },
      },
    });
    await stage.until(({ deployments }) => deployments?.[0]?.failedTasks === 1);
    await stage.untilSettled();
    expect(await stage.primary()).toMatchObject({ rolloutState: "COMPLETED", failedTasks: 0 });
  });

  test("scaled out on the way is scaled out on both revisions", async () => {
    const stage = await openStage();
    await stage.create(await stage.register(), { desiredCount: 1, deploymentConfiguration: { maximumPercent: 200 } });
    await stage.untilSettled();
    stage.runtime.script("app:2", { kind: "healthy", startsAfterSeconds: 500 });
    await stage.update({ taskDefinition: await stage.register() });
    await stage.pass(30);
    await stage.update({ desiredCount: 3 });
    await stage.pass(60);
    expect((await stage.service()).deployments).toMatchObject([
      { status: "PRIMARY", desiredCount: 3, pendingCount: 3 },
      { status: "ACTIVE", desiredCount: 3, runningCount: 3 },
    ]);
  });

  test("with the count at 0 is done at once, and has proved nothing", async () => {
    const stage = await openStage();
    await stage.create(await stage.register());
    await stage.untilSettled();
    await stage.update({ desiredCount: 0, taskDefinition: await stage.register() });
    const { deployments, runningCount } = await stage.untilSettled();
    expect(deployments).toMatchObject([{ rolloutState: "COMPLETED", runningCount: 0 }]);
    expect(runningCount).toBe(0);
  });
});
