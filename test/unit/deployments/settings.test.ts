import { applySettings } from "../../../src/deployments/index.ts";
import { observeServices } from "../../../src/deployments/observe.ts";
import { settingsOf } from "../../../src/deployments/service.ts";
import type { ReplacementSettings } from "../../../src/domain/plan.ts";
import { openScene, type Scene } from "./scene.ts";

const usual: ReplacementSettings = { minimumHealthyPercent: 100, maximumPercent: 200, breaker: "gives-up" };
const one: ReplacementSettings = { minimumHealthyPercent: 0, maximumPercent: 100, breaker: "rolls-back" };
const place = { cluster: "main", service: "app" };

let scene: Scene;
beforeEach(async () => {
  const threshold = { type: "COUNT", value: 7 } as const;
  scene = await openScene({
    service: {
      deploymentConfiguration: {
        deploymentCircuitBreaker: {
          enable: true,
          rollback: false,
          resetOnHealthyTask: false,
          thresholdConfiguration: threshold,
        },
      },
    },
  });
});
afterEach(() => scene.aws.close());

const set = (from: ReplacementSettings, to: ReplacementSettings) =>
  scene.run(applySettings(scene.clients.ecs, { ...place, from, to }));

async function now(): Promise<ReplacementSettings | null> {
  const service = (await scene.run(observeServices(scene.clients.ecs, "main", ["app"])))["app"] ?? null;
  return service === null ? null : settingsOf(service.rollout);
}

test("Percentages and breaker are set, all else of the configuration stays, and no deployment begins", async () => {
  const before = await scene.service();
  expect(await set(usual, one)).toBe("changed");
  expect(await now()).toEqual(one);
  const { deploymentConfiguration, deployments = [] } = await scene.service();
  expect(deploymentConfiguration?.deploymentCircuitBreaker).toEqual({
    enable: true,
    rollback: true,
    resetOnHealthyTask: false,
    thresholdConfiguration: { type: "COUNT", value: 7 },
  });
  expect(deployments.map(({ id }) => id)).toEqual(before.deployments?.map(({ id }) => id));
});

test("They are set back to what they were", async () => {
  await set(usual, one);
  await set(one, usual);
  expect(await now()).toEqual(usual);
});

test("What is so already is not written", async () => {
  expect(await set(one, usual)).toBe("unchanged");
  expect(scene.written()).toEqual([]);
});

test("What somebody has set meanwhile is theirs", async () => {
  await scene.update({ deploymentConfiguration: { minimumHealthyPercent: 50, maximumPercent: 150 } });
  await expect(set(usual, one)).rejects.toThrow(
    /with percentages 50\/150.*when this was planned it was percentages 100\/200/,
  );
  expect(scene.written()).toEqual([]);
});
