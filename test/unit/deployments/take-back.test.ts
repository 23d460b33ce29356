import { jest } from "@jest/globals";
import { roll, takeBack, takeDown } from "../../../src/deployments/index.ts";
import { breakerWithRollback } from "../local-aws/stage.ts";
import { revision } from "./observations.ts";
import { openScene, request } from "./scene.ts";
import { goBack, ways } from "./take-backs.ts";

// Fake time costs real time on a machine that is busy.
jest.setTimeout(60_000);

describe("Going back", () => {
  test.each(ways)("$name", async (row) => {
    const { verdict, scene, ...ended } = await goBack(row);
    expect(verdict.verdict).toBe(row.verdict);
    expect(scene.written()).toEqual(row.writes);
    expect(ended).toMatchObject({ runningCount: ended.back.count, pendingCount: 0 });
    expect(ended.taskDefinition).toMatch(/app:1$/);
  });

  test("has the last word with itself when a rollout is cancelled in between", async () => {
    const scene = await openScene();
    scene.runtime.script("app:2", { kind: "healthy", startsAfterSeconds: 3600 });
    await scene.register();
    const rolled = await scene.run(roll(scene.clients, scene.context, request({ timeoutSeconds: 60 })));
    expect(rolled.verdict).toBe("timed-out");
    const back = { cluster: "main", service: "app", to: revision(1), count: 1, timeoutSeconds: 1800 };
    const verdict = await scene.run(takeBack(scene.clients, scene.context, back));
    expect(verdict).toMatchObject({ verdict: "succeeded", from: revision(2), to: revision(1) });
    expect(verdict.digests).toEqual({ app: expect.stringMatching(/^sha256:/) as string });
    await scene.aws.close();
  });

  test("falls back on an update when ECS fails to go back", async () => {
    const scene = await openScene({ service: { deploymentConfiguration: breakerWithRollback } });
    scene.runtime.script("app:2", { kind: "healthy", startsAfterSeconds: 3600 });
    await scene.update({ taskDefinition: await scene.register() });
    // The good revision fails in ECS's own rollback, and is well again later.
    scene.runtime.script("app:1", { kind: "never-starts", reason: "CannotPullContainerError: not found" });
    const recover = (): void => {
      if (scene.written().includes("UpdateService ok")) scene.runtime.script("app:1", { kind: "healthy" });
      else scene.later(1, recover);
    };
    scene.later(1, recover);
    const back = { cluster: "main", service: "app", to: revision(1), count: 1, timeoutSeconds: 3600 };
    const verdict = await scene.run(takeBack(scene.clients, scene.context, back));
    expect(scene.written()).toEqual(["StopServiceDeployment ok", "UpdateService ok"]);
    expect(verdict.verdict).toBe("succeeded");
    await scene.aws.close();
  });
});

describe("Taking a service down", () => {
  test("waits until its last task is gone", async () => {
    const scene = await openScene({ service: { desiredCount: 2 } });
    const down = { cluster: "main", service: "app", timeoutSeconds: 600 };
    const { taskArns: tasks } = await scene.ecs.listTasks({ cluster: "main", serviceName: "app" });
    const verdict = await scene.run(takeDown(scene.clients, scene.context, down));
    expect(verdict).toMatchObject({ verdict: "succeeded", to: null, from: revision(1) });
    // Not only are they no longer counted as running.
    const { tasks: ended = [] } = await scene.ecs.describeTasks({ cluster: "main", tasks });
    expect(ended.map(({ lastStatus }) => lastStatus)).toEqual(["STOPPED", "STOPPED"]);
    await scene.aws.close();
  });

  test("does nothing to one that is down", async () => {
    const scene = await openScene();
    await scene.update({ desiredCount: 0 });
    await scene.pass(120);
    const down = { cluster: "main", service: "app", timeoutSeconds: 600 };
    const verdict = await scene.run(takeDown(scene.clients, scene.context, down));
    expect(verdict.verdict).toBe("unchanged");
    expect(scene.written()).toEqual([]);
    await scene.aws.close();
  });

  test("says which tasks do not end in time", async () => {
    const scene = await openScene();
    const down = { cluster: "main", service: "app", timeoutSeconds: 3 };
    const verdict = await scene.run(takeDown(scene.clients, scene.context, down));
    expect(verdict).toMatchObject({ verdict: "timed-out", cause: { id: "slow" } });
    expect(verdict.cause?.what).toBe("1 tasks have not ended within 3 s.");
    await scene.aws.close();
  });
});
