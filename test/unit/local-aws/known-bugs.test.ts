import { waitUntilServicesStable } from "@aws-sdk/client-ecs";
import { breakerAlone, breakerWithRollback, openStage, type Stage } from "./stage.ts";

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

/**
 * What a published deployer does, in the fewest calls: UpdateService, the SDK's waiter, and one look by the id of its deployment.
 * `isLookedUp`: since 2.6.2 of aws-actions/amazon-ecs-deploy-task-definition; before, the waiter was all.
 */
async function deployAsAction(
  stage: Stage,
  taskDefinition: string,
  { isLookedUp, meanwhile }: { readonly isLookedUp: boolean; readonly meanwhile: () => Promise<unknown> },
): Promise<string> {
  const { deployments = [] } = await stage.update({ taskDefinition });
  const mine = deployments.find(({ status }) => status === "PRIMARY")?.id;
  await meanwhile();
  const service = { cluster: "main", services: ["app"] };
  const waited = await waitUntilServicesStable({ client: stage.ecs, ...soon }, service).then(
    () => "green",
    () => "timed out",
  );
  if (waited !== "green" || !isLookedUp) return waited;
  const { deployments: now = [] } = await stage.service();
  const found = now.find(({ id }) => id === mine);
  return found === undefined ? "rolled back" : found.rolloutState === "FAILED" ? "failed" : "green";
}

describe("aws-actions/amazon-ecs-deploy-task-definition", () => {
  const running = async (deploymentConfiguration?: object): Promise<Stage> => {
    const stage = await openStage();
    await stage.create(
      await stage.register(),
      deploymentConfiguration === undefined ? {} : { deploymentConfiguration },
    );
    await stage.untilSettled();
    return stage;
  };
  const crashes = { kind: "exits", code: 1, afterSeconds: 1 } as const;

  // https://github.com/aws-actions/amazon-ecs-deploy-task-definition/issues/191
  test.each([
    { version: "before 2.6.2", isLookedUp: false, says: "green" },
    { version: "2.6.2 and later", isLookedUp: true, says: "rolled back" },
  ])("$version calls a deployment that ECS has rolled back $says", async ({ isLookedUp, says }) => {
    const stage = await running(breakerWithRollback);
    stage.runtime.script("app:2", crashes);
    const next = await stage.register();
    const said = await deployAsAction(stage, next, { isLookedUp, meanwhile: () => stage.untilSettled() });
    expect(said).toBe(says);
    expect((await stage.service()).taskDefinition).toMatch(/app:1$/);
  });

  // The same lookup, when another pipeline deploys: last comments of issue 191.
  test("2.6.2 and later calls a deployment rolled back when somebody else has deployed a newer one", async () => {
    const stage = await running();
    const [mine, theirs] = [await stage.register(), await stage.register()];
    const meanwhile = async (): Promise<void> => {
      await stage.update({ taskDefinition: theirs });
      await stage.untilSettled();
    };
    expect(await deployAsAction(stage, mine, { isLookedUp: true, meanwhile })).toBe("rolled back");
    expect((await stage.service()).taskDefinition).toMatch(/app:3$/);
  });

  // https://github.com/aws-actions/amazon-ecs-deploy-task-definition/issues/102
  test("waits out its time for a crash loop, and says no more than that", async () => {
    const stage = await running();
    stage.runtime.script("app:2", crashes);
    const next = await stage.register();
    const said = await deployAsAction(stage, next, { isLookedUp: true, meanwhile: () => stage.pass(1800) });
    expect(said).toBe("timed out");
  });
});

describe("aws-actions/amazon-ecs-deploy-express-service 1.2.2", () => {
  /** It knows SUCCESSFUL, STOPPED and FAILED, which is no status of a service deployment; at the end of its time it warns. */
  test("exits with 0 after a deployment that ECS has rolled back", async () => {
    const stage = await openStage();
    await stage.create(await stage.register(), { deploymentConfiguration: breakerWithRollback });
    await stage.untilSettled();
    stage.runtime.script("app:2", { kind: "exits", code: 1, afterSeconds: 1 });
    await stage.update({ taskDefinition: await stage.register() });
    let exitCode: number | null = null;
    for (let second = 0; second < 900 && exitCode === null; second += 15) {
      const { status } = await stage.serviceDeployment();
      if (status === "SUCCESSFUL") exitCode = 0;
      else if (["STOPPED", "FAILED"].includes(status ?? "")) exitCode = 1;
      else await stage.pass(15);
    }
    exitCode ??= 0;
    expect((await stage.serviceDeployment()).status).toBe("ROLLBACK_SUCCESSFUL");
    expect(exitCode).toBe(0);
  });
});
