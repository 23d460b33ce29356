import type { Service } from "@aws-sdk/client-ecs";
import { addTargetGroup, behind } from "./load-balanced.ts";
import { law } from "./law.ts";
import { breakerWithRollback, openStage, type ServiceSettings, type Stage } from "./stage.ts";

describe("how many tasks run during a rollout", () => {
  law("upperBound", async () => {
    const samples = await sample({ desiredCount: 3, deploymentConfiguration: { maximumPercent: 150 } });
    expect(Math.max(...samples.map(({ live }) => live))).toBe(4);
  });

  law("lowerBound", async () => {
    const configuration = { maximumPercent: 100, minimumHealthyPercent: 50 };
    const samples = await sample({ desiredCount: 3, deploymentConfiguration: configuration });
    expect(Math.min(...samples.map(({ running }) => running))).toBe(2);
  });

  test("a daemon at 0/100 is stopped before its successor starts", async () => {
    const configuration = { maximumPercent: 100, minimumHealthyPercent: 0 };
    const samples = await sample({ desiredCount: 1, deploymentConfiguration: configuration });
    expect(Math.max(...samples.map(({ live }) => live))).toBe(1);
    expect(Math.min(...samples.map(({ running }) => running))).toBe(0);
  });

  law("completion", async () => {
    const stage = await openStage();
    await stage.create(await stage.register(), {});
    await stage.untilSettled();
    await stage.update({ taskDefinition: await stage.register() });

    const stopping = await stage.until((service) => events(service).some((text) => text.includes("has stopped 1")));
    expect(stopping.deployments).toMatchObject([
      { status: "PRIMARY", rolloutState: "IN_PROGRESS", runningCount: 1 },
      { status: "ACTIVE", rolloutState: "COMPLETED" },
    ]);
    const { deployments } = await stage.until((service) => service.deployments?.length === 1);
    expect(deployments).toMatchObject([{ rolloutState: "COMPLETED" }]);
  });

  law("earlySuccess", async () => {
    const stage = await openStage();
    const early = { enable: true, healthyPercent: 50, sourceServiceRevisionCleanup: "DEFERRED" } as const;
    const revision = await stage.register();
    await stage.create(revision, { desiredCount: 3, deploymentConfiguration: { maximumPercent: 134 } });
    await stage.untilSettled();
    const configuration = { maximumPercent: 134, earlySuccessCriteria: early };
    await stage.update({ taskDefinition: await stage.register(), deploymentConfiguration: configuration });

    const done = await stage.until(({ deployments }) => deployments?.[0]?.rolloutState === "COMPLETED");
    expect(done.deployments?.[0]?.runningCount).toBe(2);
    expect(done.deployments?.[1]).toMatchObject({ status: "ACTIVE", desiredCount: 1 });
    expect(await stage.serviceDeployment()).toMatchObject({ status: "SUCCESSFUL" });
    await stage.until(({ deployments }) => deployments?.length === 1 && deployments[0]?.runningCount === 3);
  });

  test("earlySuccessCriteria with BLOCKING waits for the old tasks", async () => {
    const stage = await openStage();
    const early = { enable: true, healthyPercent: 50, sourceServiceRevisionCleanup: "BLOCKING" } as const;
    await stage.create(await stage.register(), { desiredCount: 2 });
    await stage.untilSettled();
    await stage.update({
      taskDefinition: await stage.register(),
      deploymentConfiguration: { earlySuccessCriteria: early },
    });
    const done = await stage.until(({ deployments }) => deployments?.[0]?.rolloutState === "COMPLETED");
    expect(done.deployments).toHaveLength(1);
  });
});

describe("whether a task counts as healthy", () => {
  law("bothChecksCount", async () => {
    const stage = await openStage();
    const group = addTargetGroup(stage.aws);
    stage.runtime.script("app", { kind: "healthy", healthyAfterSeconds: 100 });
    await stage.create(await stage.register({ healthCheck: true }), {
      ...behind(group),
      healthCheckGracePeriodSeconds: 120,
    });

    const counted = await stage.until(({ deployments }) => deployments?.[0]?.rolloutState === "COMPLETED");
    expect(secondsSince(counted, stage)).toBeGreaterThan(100);
    expect(stage.aws.targets(group)).toMatchObject([{ state: "healthy", port: 3000 }]);
  });

  test("a container health check is waited for, however long it takes", async () => {
    const stage = await openStage();
    stage.runtime.script("app", { kind: "healthy", healthyAfterSeconds: 300 });
    await stage.create(await stage.register({ healthCheck: true }));
    const counted = await stage.until(({ deployments }) => deployments?.[0]?.rolloutState === "COMPLETED");
    expect(secondsSince(counted, stage)).toBeGreaterThan(300);
  });

  law("gracePeriod", async () => {
    const stage = await openStage();
    const group = addTargetGroup(stage.aws);
    stage.runtime.script("app", { kind: "healthy", healthyAfterSeconds: 200 });
    await stage.create(await stage.register(), {
      ...behind(group),
      healthCheckGracePeriodSeconds: 250,
      deploymentConfiguration: breakerWithRollback,
    });
    await stage.untilSettled();
    expect(await stage.primary()).toMatchObject({ rolloutState: "COMPLETED" });
    expect((await stage.events()).filter((text) => text.includes("has started"))).toHaveLength(1);
  });

  test("a task that is still unhealthy when its grace period ends is replaced then", async () => {
    const stage = await openStage();
    stage.runtime.script("app", { kind: "unhealthy" });
    await stage.create(await stage.register({ healthCheck: true }), { healthCheckGracePeriodSeconds: 200 });
    const failed = await stage.until((service) => events(service).some((text) => text.includes("failed container")));
    expect(secondsSince(failed, stage)).toBe(1 + 12 + 10 + 200 + 1);
  });

  test("without a grace period a slow task is replaced over and over", async () => {
    const stage = await openStage();
    const group = addTargetGroup(stage.aws);
    stage.runtime.script("app", { kind: "healthy", healthyAfterSeconds: 200 });
    await stage.create(await stage.register(), { ...behind(group), deploymentConfiguration: breakerWithRollback });
    await stage.untilSettled();
    expect(await stage.primary()).toMatchObject({ rolloutState: "FAILED", failedTasks: 3 });
  });

  law("unhealthyReplacedFirst", async () => {
    const stage = await openStage();
    await stage.create(await stage.register({ healthCheck: true }));
    stage.runtime.script("app", { kind: "unhealthy", healthySeconds: 120 });
    await stage.update({ taskDefinition: await stage.register({ healthCheck: true }) });
    await stage.untilSettled();
    stage.runtime.script("app", { kind: "healthy" });

    await stage.until((service) => events(service).some((text) => text.includes("failed container health checks")));
    const running: number[] = [];
    const replaced = await stage.until(({ runningCount = 0, pendingCount = 0, events: all = [] }) => {
      running.push(runningCount);
      return pendingCount === 0 && all[0]?.message?.includes("has stopped 1") === true;
    });
    expect(Math.min(...running)).toBe(1);
    expect(Math.max(...running)).toBe(2);
    const [newest] = events(replaced);
    expect(newest).toContain("has stopped 1 running tasks");
    expect(events(replaced).join("\n")).toContain("Amazon ECS replaced 1 tasks due to an unhealthy status.");
  });
});

interface Sample {
  readonly live: number;
  readonly running: number;
}

/** Rolls from one revision to the next and looks at the counts every second. */
async function sample(settings: ServiceSettings): Promise<readonly Sample[]> {
  const stage = await openStage();
  await stage.create(await stage.register(), settings);
  await stage.untilSettled();
  const next = await stage.register();
  await stage.update({ taskDefinition: next });
  const samples: Sample[] = [];
  const done = await stage.until(({ deployments, runningCount = 0, pendingCount = 0 }) => {
    samples.push({ live: runningCount + pendingCount, running: runningCount });
    return deployments?.length === 1 && deployments[0]?.rolloutState === "COMPLETED";
  });
  expect(done.taskDefinition).toContain(next);
  return samples;
}

function events({ events: all = [] }: Service): readonly string[] {
  return all.map(({ message = "" }) => message);
}

function secondsSince({ createdAt }: Service, stage: Stage): number {
  return (stage.clock.bed.now() - (createdAt?.getTime() ?? 0)) / 1000;
}
