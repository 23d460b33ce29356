import { takeBack } from "../../../src/deployments/index.ts";
import type { TakeBackRequest } from "../../../src/deployments/take-back.ts";
import { breakerWithRollback } from "../local-aws/stage.ts";
import { revision } from "./observations.ts";
import { caller, openScene, type Scene, type SceneOptions } from "./scene.ts";

/** A way back from `app:2` to `app:1`. */
export interface Way {
  readonly name: string;
  readonly scene?: SceneOptions;
  /** Rolls `app:2` out, up to a point. */
  readonly given: (scene: Scene) => unknown;
  readonly request?: Partial<TakeBackRequest>;
  readonly verdict: string;
  readonly writes: readonly string[];
}

async function inFlight(scene: Scene): Promise<void> {
  scene.runtime.script("app:2", { kind: "healthy", startsAfterSeconds: 3600 });
  await scene.update({ taskDefinition: await scene.register() });
  await scene.pass(30);
}

async function missingImage(scene: Scene): Promise<void> {
  scene.runtime.forgetImage("registry/app:2");
  await scene.update({ taskDefinition: await scene.register({ image: "registry/app:2" }) });
}

const rollsBack: SceneOptions = { service: { deploymentConfiguration: breakerWithRollback } };

export const ways: readonly Way[] = [
  {
    name: "one in flight is stopped: ECS goes back to the same revision",
    given: inFlight,
    verdict: "succeeded",
    writes: ["StopServiceDeployment ok"],
  },
  {
    name: "one in flight that this job may not stop is replaced",
    given: async (scene) => {
      await inFlight(scene);
      scene.aws.faults.inject({ on: "ecs:StopServiceDeployment", caller, what: { kind: "access-denied" } });
    },
    verdict: "succeeded",
    writes: ["StopServiceDeployment denied", "UpdateService ok"],
  },
  {
    name: "one in flight is replaced when the job may not look at service deployments",
    given: async (scene) => {
      await inFlight(scene);
      scene.aws.faults.inject({ on: "ecs:DescribeServiceDeployments", caller, what: { kind: "access-denied" } });
    },
    verdict: "succeeded",
    writes: ["UpdateService ok"],
  },
  {
    name: "one in flight from elsewhere is replaced: ECS would go back to another revision",
    given: async (scene) => {
      await scene.update({ taskDefinition: await scene.register() });
      await scene.untilSettled();
      scene.runtime.script("app:3", { kind: "healthy", startsAfterSeconds: 3600 });
      await scene.update({ taskDefinition: await scene.register() });
      await scene.pass(30);
    },
    verdict: "succeeded",
    writes: ["UpdateService ok"],
  },
  {
    name: "one in flight gets its former count as well",
    given: async (scene) => {
      await inFlight(scene);
      await scene.update({ desiredCount: 3 });
    },
    verdict: "succeeded",
    writes: ["UpdateService ok", "StopServiceDeployment ok"],
  },
  {
    name: "one in flight that replaces two is replaced: ECS may go back to the other",
    given: async (scene) => {
      await inFlight(scene);
      scene.runtime.script("app:3", { kind: "healthy", startsAfterSeconds: 3600 });
      await scene.update({ taskDefinition: await scene.register() });
      await scene.pass(30);
    },
    verdict: "succeeded",
    writes: ["UpdateService ok"],
  },
  {
    name: "one that replaced two, and that ECS is taking back to the right one, is waited for",
    scene: rollsBack,
    given: async (scene) => {
      await inFlight(scene);
      scene.runtime.forgetImage("registry/app:3");
      await scene.update({ taskDefinition: await scene.register({ image: "registry/app:3" }) });
      await scene.until(({ taskDefinition }) => taskDefinition?.endsWith("app:1") === true);
    },
    verdict: "succeeded",
    writes: [],
  },
  {
    name: "one in flight that is done before it can be stopped is replaced",
    given: async (scene) => {
      await inFlight(scene);
      const what = { kind: "error", name: "ConflictException", message: "It is finished." } as const;
      scene.aws.faults.inject({ on: "ecs:StopServiceDeployment", caller, what });
    },
    verdict: "succeeded",
    writes: ["StopServiceDeployment conflict", "UpdateService ok"],
  },
  {
    name: "a finished one is replaced",
    given: async (scene) => {
      await scene.update({ taskDefinition: await scene.register() });
      await scene.untilSettled();
    },
    verdict: "succeeded",
    writes: ["UpdateService ok"],
  },
  {
    name: "one that ECS is taking back already is waited for",
    scene: rollsBack,
    given: async (scene) => {
      await missingImage(scene);
      await scene.until(({ taskDefinition }) => taskDefinition?.endsWith("app:1") === true);
    },
    verdict: "succeeded",
    writes: [],
  },
  {
    name: "one that ECS has taken back is left alone",
    scene: rollsBack,
    given: async (scene) => {
      await missingImage(scene);
      await scene.until(({ taskDefinition }) => taskDefinition?.endsWith("app:1") === true);
      await scene.untilSettled();
    },
    verdict: "unchanged",
    writes: [],
  },
  {
    name: "a first release goes to nothing",
    given: () => undefined,
    request: { to: null, count: 0 },
    verdict: "succeeded",
    writes: ["UpdateService ok"],
  },
  {
    name: "what had stood still with another revision stands still with it again",
    given: async (scene) => {
      await scene.update({ taskDefinition: await scene.register() });
      await scene.untilSettled();
    },
    request: { to: revision(1), count: 0 },
    verdict: "succeeded",
    writes: ["UpdateService ok"],
  },
];

/** Ways on which the service is not in the end as it was before. */
export const otherWays: readonly (Way & { readonly runs: RegExp; readonly runningCount: number })[] = [
  {
    name: "what somebody else has deployed since is left alone",
    given: async (scene) => {
      await inFlight(scene);
      await scene.update({ taskDefinition: await scene.register() });
      await scene.untilSettled();
    },
    request: { ours: revision(2) },
    verdict: "superseded",
    writes: [],
    runs: /app:3$/,
    runningCount: 1,
  },
  {
    name: "a first release that somebody else has replaced is left alone",
    given: async (scene) => {
      await scene.update({ taskDefinition: await scene.register() });
      await scene.untilSettled();
    },
    request: { ours: revision(1), to: null, count: 0 },
    verdict: "superseded",
    writes: [],
    runs: /app:2$/,
    runningCount: 1,
  },
  {
    name: "a count that something else sets is left as it is",
    given: async (scene) => {
      await scene.update({ taskDefinition: await scene.register() });
      await scene.untilSettled();
      await scene.update({ desiredCount: 4 });
      await scene.pass(300);
    },
    request: { count: null },
    verdict: "succeeded",
    writes: ["UpdateService ok"],
    runs: /app:1$/,
    runningCount: 4,
  },
  {
    name: "a count that something else sets is left as it is in flight",
    given: async (scene) => {
      await inFlight(scene);
      await scene.update({ desiredCount: 2 });
    },
    request: { count: null, ours: revision(2) },
    verdict: "succeeded",
    writes: ["StopServiceDeployment ok"],
    runs: /app:1$/,
    runningCount: 2,
  },
  {
    name: "what something else has scaled to nothing gets its definition, and stays there",
    given: async (scene) => {
      await scene.update({ taskDefinition: await scene.register() });
      await scene.untilSettled();
      await scene.update({ desiredCount: 0 });
      await scene.pass(120);
    },
    request: { count: null },
    verdict: "succeeded",
    writes: ["UpdateService ok"],
    runs: /app:1$/,
    runningCount: 0,
  },
];

/** Plays one way back. */
export async function goBack(row: Way, options: Pick<SceneOptions, "rules" | "clients"> = {}) {
  const scene = await openScene({ ...row.scene, ...options });
  await row.given(scene);
  const back = { cluster: "main", service: "app", to: revision(1), count: 1, timeoutSeconds: 1800, ...row.request };
  const verdict = await scene.run(takeBack(scene.clients, scene.context, back));
  const { runningCount, pendingCount, taskDefinition = "", deployments = [] } = await scene.service();
  await scene.aws.close();
  return { verdict, scene, runningCount, pendingCount, taskDefinition, deployments, back };
}
