import {
  type DescribeServiceDeploymentsCommandOutput,
  DescribeServiceDeploymentsCommand,
  DescribeServicesCommand,
  type DescribeServicesCommandOutput,
  type DeploymentConfiguration,
  type ServiceDeployment,
  UpdateServiceCommand,
  type UpdateServiceCommandOutput,
} from "@aws-sdk/client-ecs";
import type { EcsSend } from "../../../src/aws/ecs.ts";
import { roll } from "../../../src/deployments/index.ts";
import { type Ending, type Judgement, judge } from "../../../src/deployments/judge.ts";
import type { ServiceDeploymentObservation } from "../../../src/deployments/observe.ts";
import { isStaged, stageOf } from "../../../src/deployments/strategies.ts";
import { follow, type Track } from "../../../src/deployments/track.ts";
import { isGood } from "../../../src/domain/verdict.ts";
import { begun, deployment, former, revision, service, serviceDeployment, start } from "./observations.ts";
import { openScene, request, type Scene } from "./scene.ts";

/*
 * What the bed does not play of other strategies than rolling updates (the table of scenarios has what it does) is made up here, from the members of its model:
 * DeploymentConfiguration, ServiceDeployment and DeploymentLifecycleHookDetail.
 */

const rollout = (changes: Partial<ReturnType<typeof service>["rollout"]>) => ({ ...service().rollout, ...changes });
const arn = "arn:aws:ecs:eu-west-1:123456789012:service-deployment/main/app/x";
type Status = ServiceDeploymentObservation["status"];

const word = (
  status: Status,
  changes: Partial<ServiceDeploymentObservation> = {},
): Pick<Track, "serviceDeployment"> => ({ serviceDeployment: serviceDeployment(status, changes) });

const greenRuns = service({
  primary: deployment({ state: "COMPLETED", runningCount: 1 }),
  rollout: rollout({ strategy: "BLUE_GREEN" }),
});
const bothRun = service({ ...greenRuns, others: [former()], runningCount: 2 });
const blueRuns = service({ primary: former(), rollout: rollout({ strategy: "BLUE_GREEN" }) });

const theirs = service({
  primary: deployment({ id: "ecs-svc/3", revision: revision(3) }),
  rollout: rollout({ strategy: "CANARY" }),
});

function judged(seen: ReturnType<typeof service>, track: Partial<Track>, seconds = 1): string {
  const before = begun({ serviceDeploymentArn: arn }, service({ ...seen, primary: deployment(), others: [former()] }));
  const now = start + seconds * 1000;
  const judgement: Judgement = judge({ ...follow(before, seen, start + 1000), digests: {}, ...track }, now);
  return judgement.kind === "ended" ? judgement.ending : judgement.kind;
}

describe("Of a staged rollout, all of which runs already,", () => {
  test.each<[Status, Ending | "moving"]>([
    ["PENDING", "moving"],
    ["IN_PROGRESS", "moving"],
    ["STOP_REQUESTED", "moving"],
    ["ROLLBACK_REQUESTED", "moving"],
    ["ROLLBACK_IN_PROGRESS", "moving"],
    ["SUCCESSFUL", "complete"],
    ["ROLLBACK_SUCCESSFUL", "rolled-back"],
    ["ROLLBACK_FAILED", "rollback-failed"],
    ["STOPPED", "failed"],
  ])("%s means: %s", (status, ending) => {
    expect(judged(greenRuns, word(status))).toBe(ending);
  });

  test.each(["BLUE_GREEN", "LINEAR", "CANARY"])("%s is not over before its service deployment says so", (strategy) => {
    const seen = { ...greenRuns, rollout: rollout({ strategy }) };
    for (const track of [{ serviceDeployment: null }, word("IN_PROGRESS", { stage: "BAKE_TIME" })]) {
      expect(judged(seen, track, 1700)).toBe("moving");
    }
  });

  test.each([{ hooks: 1 }, { bakeMinutes: 10 }])("and rolling with %j is not over before either", (changes) => {
    const seen = { ...greenRuns, rollout: rollout(changes) };
    expect(judged(seen, word("IN_PROGRESS", { stage: "POST_PRODUCTION_TRAFFIC_SHIFT" }))).toBe("moving");
    expect(judged(seen, word("SUCCESSFUL"))).toBe("complete");
  });

  test("nothing is concluded from what `deployments[]` shows meanwhile", () => {
    expect(judged(bothRun, word("IN_PROGRESS", { stage: "TEST_TRAFFIC_SHIFT" }))).toBe("moving");
    expect(judged(blueRuns, word("IN_PROGRESS", { stage: "SCALE_UP" }))).toBe("moving");
  });

  test("success is not green while old tasks run, unless its service wants that", () => {
    expect(judged(bothRun, word("SUCCESSFUL"))).toBe("moving");
    const later = { ...bothRun, rollout: rollout({ strategy: "BLUE_GREEN", cleansUpLater: true }) };
    expect(judged(later, word("SUCCESSFUL"))).toBe("complete");
  });

  test("success with another revision is none, once answers have had time to agree", () => {
    expect(judged(theirs, word("SUCCESSFUL"))).toBe("moving");
    expect(judged(theirs, word("SUCCESSFUL"), 60)).toBe("other-revision");
  });

  test("stopped for another revision is superseded", () => {
    expect(judged(theirs, word("STOPPED"))).toBe("superseded");
  });

  test("nobody can say how it ends when service deployments may not be read", () => {
    expect(judged(greenRuns, { serviceDeployment: "refused" })).toBe("unreadable");
  });
});

test("Rolling without hooks and bake time is judged as ever", () => {
  expect(isStaged(service().rollout)).toBe(false);
  expect(judged({ ...greenRuns, rollout: rollout({}) }, { serviceDeployment: "refused" })).toBe("complete");
});

test("A stage is told with what holds it up", () => {
  const hook = { id: "hook-1", awaitsAction: true, expiresAt: null, timeoutAction: null };
  expect(stageOf({ service: greenRuns, ...word("IN_PROGRESS", { stage: "SCALE_UP" }) })).toBe("BLUE_GREEN at SCALE_UP");
  expect(stageOf({ service: greenRuns, ...word("IN_PROGRESS", { stage: "BAKE_TIME", waiting: [hook] }) })).toBe(
    "BLUE_GREEN at BAKE_TIME, held up by hook hook-1, which waits for somebody",
  );
  expect(stageOf({ service: service(), serviceDeployment: null })).toBeNull();
});

/** ECS's answers as they are, but of a strategy that the bed does not play: its service deployment goes on for so long in a stage. */
function staged(
  scene: Scene,
  configuration: DeploymentConfiguration,
  { seconds, ...held }: Partial<ServiceDeployment> & { readonly seconds: number },
): EcsSend {
  const since = scene.context.clock.now();
  return async (command, options) => {
    const answer = await scene.clients.ecs(command, options);
    if (command instanceof DescribeServicesCommand) {
      const { services = [] } = answer as DescribeServicesCommandOutput;
      for (const one of services) one.deploymentConfiguration = { ...one.deploymentConfiguration, ...configuration };
    }
    if (command instanceof UpdateServiceCommand) {
      const { service: one } = answer as UpdateServiceCommandOutput;
      if (one !== undefined) one.deploymentConfiguration = { ...one.deploymentConfiguration, ...configuration };
    }
    if (command instanceof DescribeServiceDeploymentsCommand && scene.context.clock.now() - since < seconds * 1000) {
      const { serviceDeployments = [] } = answer as DescribeServiceDeploymentsCommandOutput;
      for (const one of serviceDeployments) Object.assign(one, { status: "IN_PROGRESS", ...held });
    }
    return answer;
  };
}

describe("Watched", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await openScene();
    await scene.register();
  });
  afterEach(() => scene.aws.close());

  test("a blue/green rollout is green when its bake time is over, and its stage is told once", async () => {
    const ecs = staged(scene, { strategy: "BLUE_GREEN" }, { seconds: 900, lifecycleStage: "BAKE_TIME" });
    const verdict = await scene.run(roll({ ...scene.clients, ecs }, scene.context, request()));
    expect(verdict.verdict).toBe("succeeded");
    expect(verdict.seconds).toBeGreaterThanOrEqual(900);
    expect(verdict.seconds).toBeLessThan(910);
    expect(scene.lines().filter((line) => /1\/1 running.*; BLUE_GREEN at BAKE_TIME/.test(line)).length).toBeLessThan(4);
  });

  test("one that is paused says who it waits for, until when, and how to go on", async () => {
    const expiresAt = new Date("2026-11-22T10:00:00Z");
    const hook = { hookId: "hook-1", status: "AWAITING_ACTION", expiresAt, timeoutAction: "ROLLBACK" } as const;
    const paused = { seconds: 7200, lifecycleStage: "POST_TEST_TRAFFIC_SHIFT", lifecycleHookDetails: [hook] } as const;
    const ecs = staged(scene, { strategy: "CANARY" }, { ...paused, lifecycleHookDetails: [hook] });
    const verdict = await scene.run(roll({ ...scene.clients, ecs }, scene.context, request({ timeoutSeconds: 300 })));
    expect(verdict).toMatchObject({ verdict: "timed-out", cause: { id: "held-up" } });
    expect(verdict.cause?.what).toMatch(
      /is paused: CANARY at POST_TEST_TRAFFIC_SHIFT.*until 2026-11-22T10:00:00.*then ROLLBACK/,
    );
    expect(verdict.cause?.fix).toMatch(/continue-service-deployment --service-deployment-arn arn:\S+ --hook-id hook-1/);
  });

  test("one whose service deployment may not be read is never called good", async () => {
    const ecs: EcsSend = (command, options) => {
      if (command instanceof DescribeServiceDeploymentsCommand) {
        scene.aws.faults.inject({
          on: "ecs:DescribeServiceDeployments",
          caller: "product",
          what: { kind: "access-denied" },
          times: 1,
        });
      }
      return staged(scene, { strategy: "LINEAR" }, { seconds: 0 })(command, options);
    };
    const verdict = await scene.run(roll({ ...scene.clients, ecs }, scene.context, request()));
    expect(isGood(verdict.verdict)).toBe(false);
    expect(verdict.cause?.what).toMatch(/are staged \(LINEAR.*this job may not read it/);
  });

  test("one that is asked for again in its bake time is waited for, and not called unchanged", async () => {
    const ecs = staged(scene, { strategy: "BLUE_GREEN" }, { seconds: 900, lifecycleStage: "BAKE_TIME" });
    const clients = { ...scene.clients, ecs };
    const short = await scene.run(roll(clients, scene.context, request({ timeoutSeconds: 300 })));
    expect(short.verdict).toBe("timed-out");
    expect((await scene.primary()).rolloutState).toBe("COMPLETED");
    const again = await scene.run(roll(clients, scene.context, request()));
    expect(again.verdict).toBe("succeeded");
    expect(again.seconds).toBeGreaterThanOrEqual(590);
    const third = await scene.run(roll(clients, scene.context, request()));
    expect(third).toMatchObject({ verdict: "unchanged", seconds: 0 });
  });

  test("one whose count changes meanwhile is over when its service deployment says so", async () => {
    const ecs = staged(scene, { strategy: "BLUE_GREEN" }, { seconds: 900, lifecycleStage: "BAKE_TIME" });
    const clients = { ...scene.clients, ecs };
    await scene.run(roll(clients, scene.context, request({ timeoutSeconds: 300 })));
    const counted = await scene.run(roll(clients, scene.context, request({ desiredCount: 2 })));
    expect(counted.verdict).toBe("succeeded");
    expect(counted.seconds).toBeGreaterThanOrEqual(590);
  });
});
