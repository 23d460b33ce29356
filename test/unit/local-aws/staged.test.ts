import { waitUntilServicesStable, type DeploymentConfiguration, type ServiceDeployment } from "@aws-sdk/client-ecs";
import { law } from "./law.ts";
import { existing, openStage, type Stage } from "./stage.ts";

/** `app:2` takes the place of `app:1` by this strategy. */
async function begin(deploymentConfiguration: DeploymentConfiguration): Promise<Stage> {
  const stage = await openStage();
  await stage.create(await stage.register(), { deploymentConfiguration });
  await stage.untilSettled();
  await stage.update({ taskDefinition: await stage.register() });
  return stage;
}

/** What each look shows that differs from the one before. */
async function seen(stage: Stage, show: (now: ServiceDeployment) => unknown): Promise<readonly unknown[]> {
  const shown: unknown[] = [];
  for (let second = 0; second < 1200; second += 1) {
    const now = await stage.serviceDeployment();
    const what = show(now) ?? null;
    if (what !== shown.at(-1)) shown.push(what);
    if (now.status === "SUCCESSFUL") break;
    await stage.pass(1);
  }
  return shown;
}

const weight = (now: ServiceDeployment) => now.targetServiceRevision?.requestedProductionTrafficWeight;

describe("A staged deployment", () => {
  law("stagesInOrder", async () => {
    const hook = { targetType: "PAUSE" as const, lifecycleStages: ["POST_SCALE_UP" as const] };
    const stage = await begin({ strategy: "BLUE_GREEN", lifecycleHooks: [hook] });
    await stage.pass(600);
    const { lifecycleStage, lifecycleHookDetails = [], serviceDeploymentArn } = await stage.serviceDeployment();
    expect(lifecycleStage).toBe("POST_SCALE_UP");
    expect(lifecycleHookDetails).toMatchObject([{ status: "AWAITING_ACTION", timeoutAction: "ROLLBACK" }]);
    const hookId = existing(lifecycleHookDetails[0]?.hookId);
    await stage.ecs.continueServiceDeployment({ serviceDeploymentArn, hookId });
    expect(await seen(stage, (now) => now.lifecycleStage)).toEqual([
      "POST_SCALE_UP",
      "TEST_TRAFFIC_SHIFT",
      "POST_TEST_TRAFFIC_SHIFT",
      "PRODUCTION_TRAFFIC_SHIFT",
      "POST_PRODUCTION_TRAFFIC_SHIFT",
      "BAKE_TIME",
      "CLEAN_UP",
    ]);
    // A client that we did not write agrees that it is over.
    const settings = { client: stage.ecs, minDelay: 1, maxWaitTime: 5 };
    expect(await waitUntilServicesStable(settings, { cluster: "main", services: ["app"] })).toMatchObject({
      state: "SUCCESS",
    });
  });

  law("sourceStaysUntilCleanUp", async () => {
    const stage = await begin({ strategy: "BLUE_GREEN", bakeTimeInMinutes: 5 });
    await stage.pass(300);
    expect((await stage.serviceDeployment()).lifecycleStage).toBe("BAKE_TIME");
    expect(await stage.service()).toMatchObject({ desiredCount: 1, runningCount: 2 });
    expect(await stage.untilSettled()).toMatchObject({ runningCount: 1 });
  });

  law("trafficSteps", async () => {
    const canaryConfiguration = { canaryPercent: 10, canaryBakeTimeInMinutes: 2 };
    expect(await seen(await begin({ strategy: "CANARY", canaryConfiguration }), weight)).toEqual([0, 10, 100]);
    const linearConfiguration = { stepPercent: 25, stepBakeTimeInMinutes: 1 };
    expect(await seen(await begin({ strategy: "LINEAR", linearConfiguration }), weight)).toEqual([0, 25, 50, 75, 100]);
  });
});
