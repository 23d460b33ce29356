import { jest } from "@jest/globals";
import { DescribeServiceDeploymentsCommand, type DescribeServiceDeploymentsCommandOutput } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../../../src/aws/ecs.ts";
import { roll, takeBack } from "../../../src/deployments/index.ts";
import { takeDown } from "../../../src/deployments/take-back.ts";
import { breakerWithRollback, existing } from "../local-aws/stage.ts";
import { revision } from "./observations.ts";
import { caller, openScene, request } from "./scene.ts";
import { goBack, otherWays, ways } from "./take-backs.ts";

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

  test.each(otherWays)("$name", async (row) => {
    const { verdict, scene, taskDefinition, runningCount } = await goBack(row);
    expect(verdict.verdict).toBe(row.verdict);
    expect(scene.written()).toEqual(row.writes);
    expect(runningCount).toBe(row.runningCount);
    expect(taskDefinition).toMatch(row.runs);
  });

  test.each([1, 3])(
    "believes that nothing is to be done only when it is told so again and again: %d",
    async (times) => {
      const scene = await openScene();
      await scene.update({ taskDefinition: await scene.register() });
      await scene.untilSettled();
      const rolled = scene.aws.faults.inject({ on: "ecs:DescribeServices", caller, what: { kind: "stale" }, times });
      const back = {
        cluster: "main",
        service: "app",
        to: revision(1),
        ours: revision(2),
        count: 1,
        timeoutSeconds: 1800,
      };
      const verdict = await scene.run(takeBack(scene.clients, scene.context, back));
      rolled();
      expect(verdict.verdict).toBe("succeeded");
      expect((await scene.service()).taskDefinition).toMatch(/app:1$/);
      await scene.aws.close();
    },
  );

  test("is there at once, and tells nothing twice, where a deployment that is new shows that ECS has gone back", async () => {
    const scene = await openScene({ service: { deploymentConfiguration: breakerWithRollback } });
    scene.runtime.forgetImage("registry/app:2");
    await scene.register({ image: "registry/app:2" });
    const { id: former = "" } = await scene.primary();
    const rolled = await scene.run(roll(scene.clients, scene.context, request()));
    expect(rolled.verdict).toBe("rolled-back");
    const told = scene.foreign();
    const begun = scene.clock.product.now();
    const back = {
      cluster: "main",
      service: "app",
      to: revision(1),
      ours: revision(2),
      count: 1,
      timeoutSeconds: 1800,
    };
    const verdict = await scene.run(takeBack(scene.clients, scene.context, { ...back, former }));
    expect(verdict).toMatchObject({ verdict: "unchanged", to: revision(1) });
    expect(scene.clock.product.now() - begun).toBe(0);
    expect(scene.foreign()).toEqual(told);
    await scene.aws.close();
  });

  test("waits for ECS, which goes back to the right one of two that were replaced", async () => {
    const scene = await openScene();
    scene.runtime.script("app:2", { kind: "healthy", startsAfterSeconds: 3600 });
    await scene.update({ taskDefinition: await scene.register() });
    await scene.pass(30);
    scene.runtime.script("app:3", { kind: "healthy", startsAfterSeconds: 3600 });
    await scene.update({ taskDefinition: await scene.register() });
    await scene.pass(30);
    const { serviceDeploymentArn, sourceServiceRevisions = [] } = await scene.serviceDeployment();
    const { serviceRevisions = [] } = await scene.ecs.describeServiceRevisions({
      serviceRevisionArns: sourceServiceRevisions.flatMap(({ arn }) => arn ?? []),
    });
    const target = serviceRevisions.find(({ taskDefinition }) => taskDefinition?.endsWith("app:1"));
    await scene.ecs.stopServiceDeployment({ serviceDeploymentArn: existing(serviceDeploymentArn) });
    // ECS names its target before `deployments[]` shows it.
    const ecs: EcsSend = async (command, options) => {
      const answer = await scene.clients.ecs(command, options);
      if (!(command instanceof DescribeServiceDeploymentsCommand)) return answer;
      const { serviceDeployments = [] } = answer as DescribeServiceDeploymentsCommandOutput;
      const rollback = { serviceRevisionArn: target?.serviceRevisionArn };
      return { ...answer, serviceDeployments: serviceDeployments.map((one) => ({ ...one, rollback })) };
    };
    const back = { cluster: "main", service: "app", to: revision(1), count: 1, timeoutSeconds: 1800 };
    const verdict = await scene.run(takeBack({ ...scene.clients, ecs }, scene.context, back));
    expect(verdict.verdict).toBe("succeeded");
    expect(scene.written()).toEqual([]);
    await scene.aws.close();
  });

  test("takes no longer than its time, whichever way it tries", async () => {
    const scene = await openScene({ service: { deploymentConfiguration: breakerWithRollback } });
    scene.runtime.script("app:2", { kind: "healthy", startsAfterSeconds: 3600 });
    await scene.update({ taskDefinition: await scene.register() });
    scene.runtime.script("app:1", { kind: "never-starts", reason: "CannotPullContainerError: not found" });
    const back = { cluster: "main", service: "app", to: revision(1), count: 1, timeoutSeconds: 1000 };
    const slowDown = (): void => {
      if (scene.written().includes("UpdateService ok")) {
        scene.runtime.script("app:1", { kind: "healthy", startsAfterSeconds: 7200 });
      } else scene.later(1, slowDown);
    };
    scene.later(1, slowDown);
    const begun = scene.clock.product.now();
    const verdict = await scene.run(takeBack(scene.clients, scene.context, back));
    expect(scene.written()).toEqual(["StopServiceDeployment ok", "UpdateService ok"]);
    expect(verdict).toMatchObject({ verdict: "timed-out", from: revision(2), seconds: 1000 });
    expect(scene.clock.product.now() - begun).toBe(1_000_000);
    await scene.aws.close();
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

  test("waits for tasks that still end, although the count is nothing already", async () => {
    const scene = await openScene();
    await scene.update({ desiredCount: 0 });
    const down = { cluster: "main", service: "app", timeoutSeconds: 600 };
    const verdict = await scene.run(takeDown(scene.clients, scene.context, down));
    expect(verdict.verdict).toBe("succeeded");
    expect(scene.written()).toEqual([]);
    await scene.aws.close();
  });

  test("may be done by a job that may not look at tasks", async () => {
    const scene = await openScene();
    scene.aws.faults.inject({ on: "ecs:ListTasks", caller, what: { kind: "access-denied" } });
    const down = { cluster: "main", service: "app", timeoutSeconds: 600 };
    const verdict = await scene.run(takeDown(scene.clients, scene.context, down));
    expect(verdict.verdict).toBe("succeeded");
    expect(scene.lines().join()).toContain("tasks that still end cannot be seen");
    expect(scene.lines().join()).not.toContain("stopped tasks cannot be read");
    await scene.aws.close();
  });

  test("goes on when tasks cannot be read for a while", async () => {
    const scene = await openScene();
    const restore = scene.aws.faults.inject({ on: "ecs:ListTasks", caller, what: { kind: "server-error" } });
    scene.later(120, restore);
    const down = { cluster: "main", service: "app", timeoutSeconds: 600 };
    expect((await scene.run(takeDown(scene.clients, scene.context, down))).verdict).toBe("succeeded");
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
