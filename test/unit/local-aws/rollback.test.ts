import { law } from "./law.ts";
import { breakerAlone, breakerWithRollback, existing, openStage, type Stage } from "./stage.ts";

/** One good task at `app:1`, then `app:2`, which exits at once. */
async function deployBroken(configuration = breakerWithRollback): Promise<Stage> {
  const stage = await openStage();
  await stage.create(await stage.register(), { deploymentConfiguration: configuration });
  await stage.untilSettled();
  stage.runtime.script("app:2", { kind: "exits", code: 1, afterSeconds: 2 });
  await stage.update({ taskDefinition: await stage.register() });
  return stage;
}

describe("a rollback by the circuit breaker", () => {
  test("is a new PRIMARY on the old revision while the failed deployment is still listed", async () => {
    const stage = await deployBroken();
    const rolling = await stage.until(
      ({ deployments }) => deployments?.[0]?.taskDefinition?.endsWith("app:1") === true,
    );
    const [primary, failed] = rolling.deployments ?? [];
    expect(rolling.taskDefinition).toMatch(/app:1$/);
    expect(primary).toMatchObject({
      status: "PRIMARY",
      rolloutState: "IN_PROGRESS",
      rolloutStateReason: `ECS deployment circuit breaker: rolling back to deploymentId ${primary?.id ?? ""}.`,
    });
    expect(failed).toMatchObject({
      status: "ACTIVE",
      rolloutState: "FAILED",
      rolloutStateReason: "ECS deployment circuit breaker: tasks failed to start.",
      desiredCount: 0,
    });
    expect((await stage.events()).slice(0, 2)).toEqual([
      expect.stringMatching(/rolling back to deployment ecs-svc\/\d{19}\.$/),
      expect.stringMatching(/\(deployment ecs-svc\/\d{19}\) deployment failed: tasks failed to start\.$/),
    ]);
  });

  test("ends with one COMPLETED deployment that looks like a success", async () => {
    const stage = await deployBroken();
    const { deployments, runningCount, taskDefinition } = await stage.untilSettled();
    expect(deployments).toMatchObject([{ status: "PRIMARY", rolloutState: "COMPLETED" }]);
    expect(runningCount).toBe(1);
    expect(taskDefinition).toMatch(/app:1$/);
  });

  law("rollbackInSameServiceDeployment", async () => {
    const stage = await deployBroken();
    const during = await stage.until(({ deployments }) => deployments?.[0]?.taskDefinition?.endsWith("app:1") === true);
    expect(await stage.serviceDeployment()).toMatchObject({
      serviceDeploymentArn: during.currentServiceDeployment,
      status: "ROLLBACK_IN_PROGRESS",
      statusReason: "Service deployment rolled back because the circuit breaker threshold was exceeded.",
      deploymentCircuitBreaker: { status: "TRIGGERED", failureCount: 3, threshold: 3 },
    });
    await stage.untilSettled();
    const ended = await stage.serviceDeployment();
    expect(ended).toMatchObject({ status: "ROLLBACK_SUCCESSFUL", rollback: { reason: ended.statusReason } });
    const { serviceDeployments } = await stage.ecs.listServiceDeployments({ cluster: "main", service: "app" });
    expect(serviceDeployments).toHaveLength(2);
  });

  law("rollbackCandidate", async () => {
    const stage = await deployBroken();
    await stage.until(({ deployments }) => deployments?.[0]?.taskDefinition?.endsWith("app:1") === true);
    // The good deployment is IN_PROGRESS again: a third one that fails now has nowhere to go.
    stage.runtime.script("app:3", { kind: "exits", code: 1, afterSeconds: 2 });
    await stage.update({ taskDefinition: await stage.register() });
    await stage.until(({ deployments }) => deployments?.[0]?.rolloutState === "FAILED");
    expect(await stage.serviceDeployment()).toMatchObject({
      status: "ROLLBACK_FAILED",
      statusReason: "No rollback candidate was found to run the rollback.",
    });
    expect((await stage.service()).taskDefinition).toMatch(/app:3$/);
  });

  test("of a first deployment has nowhere to go", async () => {
    const stage = await openStage();
    stage.runtime.script("app", { kind: "exits", code: 1, afterSeconds: 2 });
    await stage.create(await stage.register(), { deploymentConfiguration: breakerWithRollback });
    const { deployments, runningCount } = await stage.untilSettled();
    expect(deployments).toMatchObject([{ status: "PRIMARY", rolloutState: "FAILED" }]);
    expect(runningCount).toBe(0);
    expect(await stage.serviceDeployment()).toMatchObject({ status: "ROLLBACK_FAILED" });
  });

  test("that fails too stops for good", async () => {
    const stage = await deployBroken();
    stage.runtime.script("app:1", { kind: "exits", code: 2, afterSeconds: 2 });
    await stage.until(({ deployments }) => deployments?.[0]?.taskDefinition?.endsWith("app:1") === true);
    await stage.until(({ deployments }) => deployments?.[0]?.failedTasks === 1);
    expect(await stage.serviceDeployment()).toMatchObject({ deploymentCircuitBreaker: { failureCount: 3 } });
    await stage.until(({ deployments }) => deployments?.[0]?.rolloutState === "FAILED");
    expect(await stage.serviceDeployment()).toMatchObject({ status: "ROLLBACK_FAILED" });
  });
});

describe("StopServiceDeployment", () => {
  law("stopRollsBack", async () => {
    const stage = await openStage();
    await stage.create(await stage.register(), {});
    await stage.untilSettled();
    stage.runtime.script("app:2", { kind: "healthy", startsAfterSeconds: 600 });
    const { currentServiceDeployment } = await stage.update({ taskDefinition: await stage.register() });
    const serviceDeploymentArn = existing(currentServiceDeployment);
    await stage.pass(30);

    await stage.ecs.stopServiceDeployment({ serviceDeploymentArn });
    expect(await stage.serviceDeployment()).toMatchObject({ status: "ROLLBACK_REQUESTED" });
    await stage.pass(2);
    expect(await stage.serviceDeployment()).toMatchObject({ status: "ROLLBACK_IN_PROGRESS" });
    await stage.ecs.stopServiceDeployment({ serviceDeploymentArn });
    expect(await stage.serviceDeployment()).toMatchObject({ status: "ROLLBACK_IN_PROGRESS" });
    await stage.untilSettled();
    expect(await stage.serviceDeployment()).toMatchObject({ status: "ROLLBACK_SUCCESSFUL" });
    expect((await stage.service()).taskDefinition).toMatch(/app:1$/);
  });

  test("is refused for one that is finished, unknown, or to be aborted", async () => {
    const stage = await deployBroken(breakerAlone);
    const { serviceDeploymentArn } = await stage.serviceDeployment();
    await stage.untilSettled();
    await expect(stage.ecs.stopServiceDeployment({ serviceDeploymentArn })).rejects.toMatchObject({
      name: "ConflictException",
    });
    await expect(
      stage.ecs.stopServiceDeployment({ serviceDeploymentArn: `${serviceDeploymentArn ?? ""}x` }),
    ).rejects.toMatchObject({ name: "ServiceDeploymentNotFoundException" });
    await expect(stage.ecs.stopServiceDeployment({ serviceDeploymentArn, stopType: "ABORT" })).rejects.toMatchObject({
      name: "InvalidParameterException",
    });
  });
});

describe("one service deployment after the other", () => {
  law("oneServiceDeploymentEach", async () => {
    const stage = await openStage();
    const count = async () =>
      (await stage.ecs.listServiceDeployments({ cluster: "main", service: "app" })).serviceDeployments?.length;
    const revision = await stage.register();
    await stage.create(revision);
    await stage.untilSettled();
    expect(await count()).toBe(1);
    await stage.update({ desiredCount: 2 });
    expect(await count()).toBe(1);
    await stage.update({ taskDefinition: revision });
    expect(await count()).toBe(1);
    await stage.update({ forceNewDeployment: true });
    expect(await count()).toBe(2);
    await stage.update({ taskDefinition: await stage.register() });
    expect(await count()).toBe(3);
    await stage.update({ networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-2"] } } });
    expect(await count()).toBe(4);
  });

  law("finalStates", async () => {
    const stage = await openStage();
    const finals = new Map<string, string>();
    const note = async () => {
      const { serviceDeployments = [] } = await stage.ecs.listServiceDeployments({ cluster: "main", service: "app" });
      for (const { serviceDeploymentArn = "", status = "" } of serviceDeployments) {
        const before = finals.get(serviceDeploymentArn);
        if (before !== undefined) expect(status).toBe(before);
        if (/^(SUCCESSFUL|STOPPED|ROLLBACK_SUCCESSFUL|ROLLBACK_FAILED)$/.test(status)) {
          finals.set(serviceDeploymentArn, status);
        }
      }
    };
    const passNoting = async (seconds: number) => {
      for (let second = 0; second < seconds; second += 1) {
        await stage.pass(1);
        await note();
      }
    };
    await stage.create(await stage.register(), { deploymentConfiguration: breakerWithRollback });
    await passNoting(90);
    await stage.update({ forceNewDeployment: true });
    await passNoting(20);
    stage.runtime.script("app:2", { kind: "exits", code: 1, afterSeconds: 1 });
    await stage.update({ taskDefinition: await stage.register() });
    await passNoting(300);
    expect([...finals.values()].sort()).toEqual(["ROLLBACK_SUCCESSFUL", "STOPPED", "SUCCESSFUL"]);
  });
});
