import type { DeploymentConfiguration } from "@aws-sdk/client-ecs";
import { breakerThreshold } from "../../local-aws/ecs/breaker.ts";
import { resolveRules } from "../../local-aws/rules.ts";
import type { TaskBehaviour } from "../../local-aws/runtimes/scripted.ts";
import { law } from "./law.ts";
import { breakerAlone, breakerWithRollback, openStage, type Stage } from "./stage.ts";

const missingImage: TaskBehaviour = {
  kind: "never-starts",
  reason:
    "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref app:2: not found",
};
const crashes: TaskBehaviour = { kind: "exits", code: 1, afterSeconds: 2 };

/** One good task at `app:1`, then `app:2` that behaves so. */
async function deployBroken(
  behaviour: TaskBehaviour,
  deploymentConfiguration: DeploymentConfiguration,
  desiredCount = 1,
): Promise<Stage> {
  const stage = await openStage();
  await stage.create(await stage.register(), { deploymentConfiguration, desiredCount });
  await stage.untilSettled();
  stage.runtime.script("app:2", behaviour);
  await stage.update({ taskDefinition: await stage.register() });
  return stage;
}

describe("the circuit breaker's threshold", () => {
  const rules = resolveRules();

  test.each([
    { desired: 1, threshold: 3 },
    { desired: 25, threshold: 13 },
    { desired: 400, threshold: 200 },
    { desired: 1000, threshold: 200 },
  ])("is $threshold for $desired tasks, when nothing is set", ({ desired, threshold }) => {
    expect(breakerThreshold(rules, breakerWithRollback, desired)).toBe(threshold);
  });

  test.each([
    { type: "COUNT", value: 2, desired: 50, threshold: 2 },
    { type: "UNBOUNDED_PERCENT", value: 10, desired: 4, threshold: 1 },
    { type: "UNBOUNDED_PERCENT", value: 100, desired: 500, threshold: 500 },
    { type: "BOUNDED_PERCENT", value: 100, desired: 2, threshold: 3 },
    { type: "BOUNDED_PERCENT", value: 30, desired: 11, threshold: 4 },
  ] as const)("is $threshold for $desired tasks with $type $value", ({ type, value, desired, threshold }) => {
    const configuration = {
      deploymentCircuitBreaker: { enable: true, rollback: true, thresholdConfiguration: { type, value } },
    };
    expect(breakerThreshold(rules, configuration, desired)).toBe(threshold);
  });

  law("breakerThreshold", async () => {
    const stage = await deployBroken(missingImage, breakerAlone);
    await stage.until(({ deployments }) => deployments?.[0]?.failedTasks === 2);
    await stage.update({ desiredCount: 10 });
    expect(await stage.serviceDeployment()).toMatchObject({ deploymentCircuitBreaker: { threshold: 5 } });
    await stage.until(({ deployments }) => deployments?.[0]?.rolloutState === "FAILED");
    expect(await stage.primary()).toMatchObject({ failedTasks: 5 });
  });
});

describe("what the circuit breaker counts", () => {
  law("breakerStages", async () => {
    const unstarted = await deployBroken(missingImage, breakerAlone);
    await unstarted.untilSettled();
    expect(await unstarted.primary()).toMatchObject({ rolloutState: "FAILED", failedTasks: 3 });

    const unhealthy = await openStage();
    unhealthy.runtime.script("app:2", { kind: "unhealthy" });
    await unhealthy.create(await unhealthy.register(), { deploymentConfiguration: breakerAlone });
    await unhealthy.untilSettled();
    await unhealthy.update({ taskDefinition: await unhealthy.register({ healthCheck: true }) });
    await unhealthy.untilSettled();
    expect(await unhealthy.primary()).toMatchObject({ rolloutState: "FAILED", failedTasks: 3 });
    expect((await unhealthy.events()).join("\n")).toContain("failed container health checks");
    await unhealthy.pass(60);
    expect((await unhealthy.primary()).runningCount).toBe(0);
  });

  test("a task that fails its check and then exits is one failure", async () => {
    const stage = await openStage();
    const healthCheck = { command: ["CMD", "true"], interval: 5, retries: 1 };
    await stage.ecs.registerTaskDefinition({
      family: "app",
      networkMode: "awsvpc",
      containerDefinitions: [
        { name: "app", image: "app", memory: 128, healthCheck },
        { name: "side", image: "side", memory: 128 },
      ],
    });
    // Its replacement starts first, so it is still there when its side exits.
    const side = { kind: "exits", code: 1, afterSeconds: 15 } as const;
    stage.runtime.script("app", { containers: { app: { kind: "unhealthy" }, side } });
    await stage.create("app:1");
    await stage.until(({ deployments }) => deployments?.[0]?.failedTasks === 1);
    await stage.pass(12);
    const { taskArns: tasks } = await stage.ecs.listTasks({ cluster: "main", desiredStatus: "STOPPED" });
    const stopped = await stage.ecs.describeTasks({ cluster: "main", tasks });
    expect(stopped.tasks).toMatchObject([{ stopCode: "EssentialContainerExited" }]);
    expect((await stage.primary()).failedTasks).toBe(1);
  });

  test("a task that somebody stops by hand is none", async () => {
    const stage = await openStage();
    await stage.create(await stage.register(), { deploymentConfiguration: breakerAlone });
    for (let times = 0; times < 4; times += 1) {
      await stage.until(({ runningCount }) => runningCount === 1);
      const { taskArns = [] } = await stage.ecs.listTasks({ cluster: "main", serviceName: "app" });
      await stage.ecs.stopTask({ cluster: "main", task: taskArns[0], reason: "by hand" });
      await stage.until(({ runningCount }) => runningCount === 0);
    }
    expect(await stage.primary()).toMatchObject({ rolloutState: "IN_PROGRESS", failedTasks: 0 });
  });

  law("resetOnHealthyTask", async () => {
    const failures = async (resetOnHealthyTask: boolean) => {
      const stage = await openStage();
      await stage.create(await stage.register(), {
        deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false, resetOnHealthyTask } },
        desiredCount: 2,
      });
      await stage.untilSettled();
      // One task takes its time, the other is healthy for five seconds and then crashes, over and over.
      let slow: string | undefined;
      stage.runtime.script("app:2", { kind: "exits", code: 1, afterSeconds: 45 });
      stage.runtime.script(
        ({ id, definition }) => {
          if (definition.revision !== 2) return false;
          slow ??= id;
          return id === slow;
        },
        { kind: "healthy", startsAfterSeconds: 3000 },
      );
      await stage.update({ taskDefinition: await stage.register() });
      await stage.pass(900);
      return (await stage.primary()).failedTasks ?? 0;
    };
    expect(await failures(true)).toBeLessThan(2);
    expect(await failures(false)).toBe(3);
  });
});

describe("when a deployment fails", () => {
  law("failedKeepsOldTasks", async () => {
    const stage = await deployBroken(crashes, breakerAlone);
    await stage.untilSettled();
    await stage.pass(1800);
    const service = await stage.service();
    expect(service.runningCount).toBe(1);
    expect(service.taskDefinition).toMatch(/app:2$/);
    expect(service.deployments).toMatchObject([
      { status: "PRIMARY", rolloutState: "FAILED", runningCount: 0, failedTasks: 3 },
      { status: "ACTIVE", rolloutState: "COMPLETED", runningCount: 1 },
    ]);
    expect(service.deployments?.[0]?.rolloutStateReason).toBe("ECS deployment circuit breaker: tasks failed to start.");
    const started = (await stage.events()).filter((text) => text.includes("has started"));
    expect(started).toHaveLength(4);
    await stage.update({ deploymentConfiguration: { ...breakerAlone, minimumHealthyPercent: 0 } });
    await stage.pass(60);
    expect((await stage.service()).runningCount).toBe(1);
  });

  test("tasks of it that fail their checks are stopped", async () => {
    const stage = await openStage();
    stage.runtime.script("app", { kind: "unhealthy" });
    await stage.create(await stage.register({ healthCheck: true }), { deploymentConfiguration: breakerAlone });
    await stage.untilSettled();
    await stage.pass(60);
    expect(await stage.service()).toMatchObject({ runningCount: 0, deployments: [{ rolloutState: "FAILED" }] });
  });

  test("the old task is replaced by its like when it dies", async () => {
    const stage = await deployBroken(crashes, breakerAlone);
    await stage.untilSettled();
    const { taskArns = [] } = await stage.ecs.listTasks({ cluster: "main", serviceName: "app" });
    await stage.ecs.stopTask({ cluster: "main", task: taskArns[0] });
    await stage.until(({ runningCount }) => runningCount === 0);
    const { deployments } = await stage.until(({ runningCount }) => runningCount === 1);
    expect(deployments).toMatchObject([{ rolloutState: "FAILED" }, { status: "ACTIVE", runningCount: 1 }]);
  });

  law("endlessWithoutBreaker", async () => {
    const stage = await deployBroken(missingImage, {});
    await stage.pass(4 * 3600);
    expect(await stage.primary()).toMatchObject({ rolloutState: "IN_PROGRESS" });
    expect((await stage.primary()).failedTasks).toBeGreaterThan(5);
    expect((await stage.service()).runningCount).toBe(1);
  });

  law("backOffOnlyUnstarted", async () => {
    const unstarted = await deployBroken(missingImage, {});
    await unstarted.pass(3600);
    expect((await unstarted.events()).join("\n")).toContain("is unable to consistently start tasks successfully.");

    const crashing = await deployBroken(crashes, {});
    await crashing.pass(3600);
    expect((await crashing.events()).join("\n")).not.toContain("is unable to consistently start");
    expect((await crashing.primary()).failedTasks).toBeGreaterThan(3 * ((await unstarted.primary()).failedTasks ?? 0));
  });
  test("a start that succeeds in between ends the waiting", async () => {
    const stage = await openStage();
    let starts = 0;
    const odd = new Set<string>();
    stage.runtime.script("app", { kind: "exits", code: 1, afterSeconds: 2 });
    stage.runtime.script(({ id }) => {
      starts += 1;
      if (starts % 2 === 1) odd.add(id);
      return odd.has(id);
    }, missingImage);
    await stage.create(await stage.register());
    await stage.pass(900);
    expect(starts).toBeGreaterThan(20);
    expect((await stage.events()).join("\n")).not.toContain("is unable to consistently start");
  });

  test("a new deployment does not wait for the back-off of the one before", async () => {
    const stage = await deployBroken(missingImage, {});
    await stage.until(({ events = [] }) => events.some(({ message = "" }) => message.includes("consistently start")));
    await stage.update({ taskDefinition: await stage.register() });
    await stage.pass(2);
    expect(await stage.primary()).toMatchObject({ pendingCount: 1 });
  });
});
