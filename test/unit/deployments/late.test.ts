import { jest } from "@jest/globals";
import { UpdateServiceCommand, StopServiceDeploymentCommand } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../../../src/aws/ecs.ts";
import { roll, takeBack } from "../../../src/deployments/index.ts";
import type { DeploymentClients } from "../../../src/deployments/clients.ts";
import { takeDown } from "../../../src/deployments/take-back.ts";
import type { Verdict } from "../../../src/domain/verdict.ts";
import { breakerWithRollback } from "../local-aws/stage.ts";
import { revision } from "./observations.ts";
import { caller, openScene, request, type Scene, type SceneOptions } from "./scene.ts";

// Fake time costs real time on a machine that is busy.
jest.setTimeout(60_000);

/** After each write of the product, so many answers are from before it. */
function lateAfterWrites(scene: Scene, times: number): DeploymentClients {
  const ecs: EcsSend = async (command, options) => {
    const answer = await scene.clients.ecs(command, options);
    if (command instanceof UpdateServiceCommand || command instanceof StopServiceDeploymentCommand) {
      scene.aws.faults.inject({ on: "ecs:DescribeServices", caller, what: { kind: "stale" }, times });
    }
    return answer;
  };
  return { ...scene.clients, ecs };
}

function isUpdate(command: object): boolean {
  return command instanceof UpdateServiceCommand;
}

const back = { cluster: "main", service: "app", to: revision(1), count: 1, timeoutSeconds: 1800 };

async function inFlight(scene: Scene): Promise<void> {
  scene.runtime.script("app:2", { kind: "healthy", startsAfterSeconds: 3600 });
  await scene.update({ taskDefinition: await scene.register() });
  await scene.pass(30);
}

async function finished(scene: Scene): Promise<void> {
  await scene.update({ taskDefinition: await scene.register() });
  await scene.untilSettled();
}

async function atNothing(scene: Scene): Promise<void> {
  await scene.update({ desiredCount: 0 });
  await scene.pass(300);
}

interface Write {
  readonly write: string;
  readonly scene?: SceneOptions;
  readonly given: (scene: Scene) => unknown;
  readonly act: (scene: Scene, clients: DeploymentClients) => Promise<Verdict>;
  readonly runs: { readonly taskDefinition: RegExp; readonly runningCount: number };
}

const one = { taskDefinition: /app:1$/, runningCount: 1 };
const rolled = (changes: Parameters<typeof request>[0]) => (scene: Scene, clients: DeploymentClients) =>
  roll(clients, scene.context, request(changes));

const writes: readonly Write[] = [
  {
    write: "another definition",
    given: (scene) => scene.register(),
    act: rolled({}),
    runs: { ...one, taskDefinition: /app:2$/ },
  },
  {
    write: "a higher count",
    given: () => undefined,
    act: rolled({ taskDefinition: "app:1", desiredCount: 3 }),
    runs: { ...one, runningCount: 3 },
  },
  {
    write: "a lower count",
    scene: { service: { desiredCount: 3 } },
    given: () => undefined,
    act: rolled({ taskDefinition: "app:1", desiredCount: 1 }),
    runs: one,
  },
  {
    write: "a count after none",
    given: atNothing,
    act: rolled({ taskDefinition: "app:1", desiredCount: 1 }),
    runs: one,
  },
  {
    write: "a count after none, and another definition",
    given: async (scene) => {
      await atNothing(scene);
      await scene.register();
    },
    act: rolled({ desiredCount: 1 }),
    runs: { ...one, taskDefinition: /app:2$/ },
  },
  {
    write: "no tasks any more",
    given: () => undefined,
    act: (scene, clients) => takeDown(clients, scene.context, back),
    runs: { ...one, runningCount: 0 },
  },
  {
    write: "a way back in flight",
    given: inFlight,
    act: (scene, clients) => takeBack(clients, scene.context, back),
    runs: one,
  },
  {
    write: "a way back in flight, with its count",
    given: async (scene) => {
      await inFlight(scene);
      await scene.update({ desiredCount: 3 });
      await scene.pass(30);
    },
    act: (scene, clients) => takeBack(clients, scene.context, back),
    runs: one,
  },
  {
    write: "a way back from what is complete",
    given: finished,
    act: (scene, clients) => takeBack(clients, scene.context, back),
    runs: one,
  },
];

describe.each([1, 3, 15, 40])("When the next %d answers are from before the write,", (times) => {
  test.each(writes)("$write is still told right", async ({ scene: options = {}, given, act, runs }) => {
    const scene = await openScene(options);
    await given(scene);
    const verdict = await scene.run(act(scene, lateAfterWrites(scene, times)));
    const { taskDefinition, runningCount, pendingCount } = await scene.service();
    expect(verdict.verdict).toBe("succeeded");
    expect({ runningCount, pendingCount }).toEqual({ runningCount: runs.runningCount, pendingCount: 0 });
    expect(taskDefinition).toMatch(runs.taskDefinition);
    await scene.aws.close();
  });
});

describe("When nothing but old answers come,", () => {
  test("that is said at the end of the time, and nobody is blamed", async () => {
    const scene = await openScene();
    await scene.register();
    const verdict = await scene.run(
      roll(lateAfterWrites(scene, 1000), scene.context, request({ timeoutSeconds: 300 })),
    );
    expect(verdict).toMatchObject({ verdict: "timed-out", cause: { id: "not-readable" } });
    expect(verdict.cause?.what).toContain("nothing but what was there before app:2");
    await scene.aws.close();
  });

  test("a rollback is believed once its service deployment tells of it", async () => {
    const scene = await openScene({ service: { deploymentConfiguration: breakerWithRollback } });
    scene.runtime.script("app:2", { kind: "exits", code: 3, afterSeconds: 2 });
    await scene.register();
    const verdict = await scene.run(roll(lateAfterWrites(scene, 1000), scene.context, request()));
    expect(verdict.verdict).toBe("rolled-back");
    await scene.aws.close();
  });
});

describe("When the service deployment lags behind the service,", () => {
  const rules = { serviceDeploymentLagSeconds: 20 } as const;

  test("it is asked until it is done", async () => {
    const scene = await openScene({ rules });
    await scene.register();
    expect((await scene.run(roll(scene.clients, scene.context, request()))).verdict).toBe("succeeded");
    await scene.aws.close();
  });

  test("what is complete is taken back by an update, not by a stop that comes too late", async () => {
    const scene = await openScene({ rules });
    await finished(scene);
    const verdict = await scene.run(takeBack(scene.clients, scene.context, back));
    expect(verdict.verdict).toBe("succeeded");
    expect(scene.written()).toEqual(["UpdateService ok"]);
    await scene.aws.close();
  });
});

describe("When the answer to a start is lost, and somebody deploys in between,", () => {
  test.each(["before", "after"] as const)("nothing is sent over it: lost %s it took effect", async (when) => {
    const scene = await openScene();
    await scene.register();
    const theirs = await scene.register();
    let sent = false;
    const ecs: EcsSend = async (command, options) => {
      if (!isUpdate(command) || sent) return scene.clients.ecs(command, options);
      sent = true;
      scene.aws.faults.inject({ on: "ecs:UpdateService", caller, what: { kind: "reset" }, times: 1, when });
      try {
        return await scene.clients.ecs(command, options);
      } catch (error) {
        await scene.update({ taskDefinition: theirs });
        throw error;
      }
    };
    const verdict = await scene.run(roll({ ...scene.clients, ecs }, scene.context, request()));
    expect(verdict).toMatchObject({ verdict: "superseded", cause: { id: "superseded" } });
    expect(verdict.cause?.what).toContain("app:3");
    expect(scene.written()).toEqual(["UpdateService unreachable"]);
    expect((await scene.service()).taskDefinition).toMatch(/app:3$/);
    await scene.aws.close();
  });
});
