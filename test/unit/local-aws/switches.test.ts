import { ruleTable, type Rules } from "../../local-aws/rules.ts";
import { rollout, timeline } from "./timeline.ts";
import { breakerAlone, breakerWithRollback, existing, openStage, type Stage } from "./stage.ts";

/** Something that looks different when the rule is another one. */
type Watch = (rules: Partial<Rules>) => Promise<unknown>;

const crashes = { kind: "exits", code: 1, afterSeconds: 2 } as const;
const missingImage = { kind: "never-starts", reason: "CannotPullContainerError: not found" } as const;
const breaks: Watch = (rules) =>
  rollout({ rules, settings: { deploymentConfiguration: breakerWithRollback }, behaviour: crashes });
const replaces: Watch = (rules) => rollout({ rules });
const stagedRollout: Watch = (rules) =>
  rollout({ rules, settings: { deploymentConfiguration: { strategy: "BLUE_GREEN", bakeTimeInMinutes: 1 } } });
const retries: Watch = (rules) => rollout({ rules, behaviour: missingImage, seconds: 1000 });

/** What a refusal or its absence says. */
async function outcome(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "accepted",
    (error: unknown) => (error instanceof Error ? error.name : "?"),
  );
}

const onStage =
  (act: (stage: Stage) => Promise<unknown>): Watch =>
  async (rules) =>
    act(await openStage({ rules }));

const threshold =
  (desiredCount: number): Watch =>
  (rules) =>
    onStage(async (stage) => {
      await stage.create(await stage.register(), { desiredCount, deploymentConfiguration: breakerAlone });
      return (await stage.serviceDeployment()).deploymentCircuitBreaker;
    })(rules);

/** For each rule that has a value: something that shows it; for an amount also the other amount to try. */
const watches: { readonly [Id in keyof Rules]: { readonly watch: Watch; readonly other?: number } } = {
  settlingSeconds: { watch: replaces, other: 60 },
  stopsToMinimumAtOnce: {
    watch: (rules) =>
      rollout({ rules, settings: { desiredCount: 2, deploymentConfiguration: { minimumHealthyPercent: 50 } } }),
  },
  stoppingTasksCount: {
    watch: (rules) =>
      rollout({ rules, settings: { deploymentConfiguration: { maximumPercent: 100, minimumHealthyPercent: 0 } } }),
  },
  replacesFromOwnRevision: {
    watch: (rules) =>
      rollout({
        rules,
        behaviour: { kind: "healthy", startsAfterSeconds: 1000 },
        settings: { desiredCount: 2 },
        meanwhile: { afterSeconds: 60, act: stopOldest },
      }),
  },
  completionWaitsForStopped: { watch: replaces },
  desiredCountDeploys: {
    watch: onStage(async (stage) => {
      await stage.create(await stage.register());
      await stage.untilSettled();
      await stage.update({ desiredCount: 2 });
      return timeline(stage, 60);
    }),
  },
  schedulingSeconds: { watch: replaces, other: 5 },
  provisioningSeconds: { watch: replaces, other: 20 },
  registrationSeconds: {
    watch: (rules) =>
      rollout({
        rules,
        settings: { serviceRegistries: [{ registryArn: "arn:aws:servicediscovery:::service/srv-1" }] },
      }),
    other: 9,
  },
  deprovisioningSeconds: { watch: replaces, other: 20 },
  stoppedTasksKeptSeconds: {
    watch: onStage(async (stage) => {
      stage.runtime.script("app", crashes);
      await stage.create(await stage.register(), { deploymentConfiguration: breakerAlone });
      await stage.pass(3000);
      return (await stage.ecs.listTasks({ cluster: "main", desiredStatus: "STOPPED" })).taskArns;
    }),
    other: 60,
  },
  backOffAfter: { watch: retries, other: 4 },
  backOffSeconds: { watch: retries, other: 100 },
  backOffLongestSeconds: { watch: retries, other: 60 },
  breakerPercent: { watch: threshold(20), other: 80 },
  breakerLeast: { watch: threshold(1), other: 5 },
  breakerMost: { watch: threshold(50), other: 10 },
  plainExitCounts: { watch: breaks },
  failedDesiredCount: {
    watch: (rules) => rollout({ rules, settings: { deploymentConfiguration: breakerAlone }, behaviour: crashes }),
  },
  rollbackDeploymentId: { watch: breaks },
  rollbackStartsNewTasks: { watch: breaks },
  stateOfFailedWhileRollingBack: { watch: breaks },
  statusOfFailedWhileRollingBack: { watch: breaks },
  noCandidateStatus: {
    watch: onStage(async (stage) => {
      stage.runtime.script("app", crashes);
      await stage.create(await stage.register(), { deploymentConfiguration: breakerWithRollback });
      return timeline(stage, 200);
    }),
  },
  failedWithoutRollbackStatus: {
    watch: (rules) => rollout({ rules, settings: { deploymentConfiguration: breakerAlone }, behaviour: crashes }),
  },
  stopOfFinished: {
    watch: onStage(async (stage) => {
      await stage.create(await stage.register());
      await stage.untilSettled();
      const { serviceDeploymentArn } = await stage.serviceDeployment();
      return outcome(stage.ecs.stopServiceDeployment({ serviceDeploymentArn }));
    }),
  },
  pauseMinutes: {
    watch: onStage(async (stage) => {
      const hook = { targetType: "PAUSE" as const, lifecycleStages: ["POST_SCALE_UP" as const] };
      const deploymentConfiguration = { strategy: "BLUE_GREEN" as const, lifecycleHooks: [hook] };
      await stage.create(await stage.register(), { deploymentConfiguration });
      await stage.untilSettled();
      await stage.update({ taskDefinition: await stage.register() });
      await stage.pass(200);
      return (await stage.serviceDeployment()).lifecycleHookDetails?.[0]?.expiresAt;
    }),
    other: 60,
  },
  stageSeconds: { watch: stagedRollout, other: 9 },
  breakerInStages: {
    watch: (rules) =>
      rollout({
        rules,
        settings: { deploymentConfiguration: { ...breakerWithRollback, strategy: "BLUE_GREEN" } },
        behaviour: crashes,
      }),
  },
  stateWhileBaking: { watch: stagedRollout },
  supersededStatus: {
    watch: (rules) => rollout({ rules, meanwhile: { afterSeconds: 20, act: deployAnother } }),
  },
  supersededRollbackStatus: {
    watch: (rules) =>
      rollout({
        rules,
        settings: { deploymentConfiguration: breakerWithRollback },
        behaviour: crashes,
        meanwhile: { afterSeconds: 120, act: deployAnother },
      }),
  },
  currentServiceDeployment: { watch: replaces },
  eventsKept: {
    watch: onStage(async (stage) => {
      stage.runtime.script("app", crashes);
      await stage.create(await stage.register());
      await stage.pass(4000);
      return (await stage.events()).length;
    }),
    other: 7,
  },
  definitionDefaults: {
    watch: onStage(async (stage) => {
      const taskDefinition = await stage.register();
      return (await stage.ecs.describeTaskDefinition({ taskDefinition })).taskDefinition?.containerDefinitions;
    }),
  },
  describeServicesMost: {
    watch: onStage((stage) => outcome(stage.ecs.describeServices({ cluster: "main", services: names(11) }))),
    other: 11,
  },
  describeTasksMost: {
    watch: onStage((stage) => outcome(stage.ecs.describeTasks({ cluster: "main", tasks: names(101) }))),
    other: 101,
  },
  describeServiceDeploymentsMost: {
    watch: onStage(async (stage) => [
      await outcome(stage.ecs.describeServiceDeployments({ serviceDeploymentArns: names(21) })),
      await outcome(stage.ecs.describeServiceRevisions({ serviceRevisionArns: names(21) })),
    ]),
    other: 21,
  },
  pageMost: {
    watch: onStage((stage) => outcome(stage.ecs.listTasks({ cluster: "main", maxResults: 101 }))),
    other: 101,
  },
  listServicesPage: {
    watch: onStage(async (stage) => {
      const taskDefinition = await stage.register();
      for (const serviceName of names(12)) {
        await stage.ecs.createService({ cluster: "main", serviceName, taskDefinition, desiredCount: 0, ...network });
      }
      return (await stage.ecs.listServices({ cluster: "main" })).serviceArns?.length;
    }),
    other: 11,
  },
  listServiceDeploymentsPage: {
    watch: onStage(async (stage) => {
      await stage.create(await stage.register(), { desiredCount: 0 });
      for (let times = 0; times < 22; times += 1) await stage.update({ forceNewDeployment: true });
      const { serviceDeployments } = await stage.ecs.listServiceDeployments({ cluster: "main", service: "app" });
      return serviceDeployments?.length;
    }),
    other: 21,
  },
  runTaskMost: {
    watch: onStage(async (stage) =>
      outcome(stage.ecs.runTask({ cluster: "main", taskDefinition: await stage.register(), count: 11, ...network })),
    ),
    other: 11,
  },
  overridesCharacters: {
    watch: onStage(async (stage) => {
      const overrides = { containerOverrides: [{ name: "app", command: ["x".repeat(8200)] }] };
      return outcome(
        stage.ecs.runTask({ cluster: "main", taskDefinition: await stage.register(), overrides, ...network }),
      );
    }),
    other: 9000,
  },
  containersMost: {
    watch: onStage((stage) =>
      outcome(
        stage.ecs.registerTaskDefinition({
          family: "app",
          containerDefinitions: names(11).map((name) => ({ name, image: "app", memory: 128 })),
        }),
      ),
    ),
    other: 11,
  },
  serviceDeploymentLagSeconds: {
    watch: onStage(async (stage) => {
      await stage.create(await stage.register());
      await stage.untilSettled();
      return (await stage.serviceDeployment()).status;
    }),
  },
  definitionBytes: {
    watch: onStage((stage) =>
      outcome(
        stage.ecs.registerTaskDefinition({
          family: "app",
          containerDefinitions: [{ name: "app", image: "app", memory: 128, command: ["x".repeat(66_000)] }],
        }),
      ),
    ),
    other: 70_000,
  },
  tagsMost: {
    watch: onStage(async (stage) => {
      const tags = names(50).map((key) => ({ key, value: "" }));
      const containerDefinitions = [{ name: "app", image: "app", memory: 128 }];
      const { taskDefinition } = await stage.ecs.registerTaskDefinition({ family: "app", containerDefinitions, tags });
      const resourceArn = taskDefinition?.taskDefinitionArn;
      return outcome(stage.ecs.tagResource({ resourceArn, tags: [{ key: "one-more", value: "" }] }));
    }),
    other: 51,
  },
};

const network = { networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"] } } };

function names(count: number): string[] {
  return Array.from({ length: count }, (_none, index) => `name-${index}`);
}

async function stopOldest(stage: Stage): Promise<void> {
  const { taskArns = [] } = await stage.ecs.listTasks({ cluster: "main", serviceName: "app" });
  await stage.ecs.stopTask({ cluster: "main", task: existing(taskArns[0]) });
}

async function deployAnother(stage: Stage): Promise<void> {
  await stage.update({ taskDefinition: await stage.register() });
}

describe("every rule that has a value shows", () => {
  const flips = Object.entries(ruleTable).flatMap(([id, rule]) => {
    if (!isValued(id)) return [];
    const { watch, other } = watches[id];
    const others = rule.choices.length > 0 ? rule.choices.filter((choice) => choice !== rule.value) : [other];
    return others.map((value) => ({ id, value, watch }));
  });

  const usual = new Map<Watch, Promise<unknown>>();
  const asUsual = (watch: Watch) => {
    const watched = usual.get(watch) ?? watch({});
    usual.set(watch, watched);
    return watched;
  };

  test.each(flips)(
    "$id: $value",
    async ({ id, value, watch }) => {
      expect(value).toBeDefined();
      expect(await watch({ [id]: value })).not.toEqual(await asUsual(watch));
    },
    60_000,
  );

  test("and the same rules give the same timeline twice", async () => {
    expect(await breaks({})).toEqual(await breaks({}));
  });
});

function isValued(id: string): id is keyof Rules {
  return id in watches;
}
