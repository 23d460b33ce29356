import type { ContainerDefinition, RegisterTaskDefinitionCommandInput } from "@aws-sdk/client-ecs";
import { law } from "./law.ts";
import { openStage, type Stage } from "./stage.ts";

const app: ContainerDefinition = { name: "app", image: "app", memory: 128 };
const other: ContainerDefinition = { ...app, name: "other" };
const check = { command: ["CMD", "true"] };
const network = { networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"] } } };

type Definition = Partial<RegisterTaskDefinitionCommandInput>;
const onFargate: Definition = {
  networkMode: "awsvpc",
  requiresCompatibilities: ["FARGATE"],
  cpu: "256",
  memory: "512",
};

/** @returns `ok`, or why it is refused. */
async function registered(stage: Stage, definition: Definition): Promise<string> {
  return ending(stage.ecs.registerTaskDefinition({ family: "tried", containerDefinitions: [app], ...definition }));
}

async function ending(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "ok",
    (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : "?"),
  );
}

const withCheck = (healthCheck: Partial<NonNullable<ContainerDefinition["healthCheck"]>>): Definition => ({
  containerDefinitions: [{ ...app, healthCheck: { ...check, ...healthCheck } }],
});
const withApp = (changes: Partial<ContainerDefinition>, ...more: readonly ContainerDefinition[]): Definition => ({
  containerDefinitions: [{ ...app, ...changes }, ...more],
});

describe("what AWS refuses", () => {
  law("fargateSizes", async () => {
    const stage = await openStage();
    for (const [cpu, memory] of [
      ["256", "512"],
      ["1 vCPU", "2 GB"],
      ["4096", "30720"],
      ["16384", "122880"],
    ] as const) {
      expect(await registered(stage, { ...onFargate, cpu, memory })).toBe("ok");
    }
    for (const [cpu, memory] of [
      ["256", "4096"],
      ["300", "512"],
      ["lots", "512"],
      ["512", "1500"],
      ["16384", "36864"],
    ] as const) {
      expect(await registered(stage, { ...onFargate, cpu, memory })).toMatch(/^ClientException/);
    }
  });

  law("registrationLimits", async () => {
    const stage = await openStage();
    const awsvpc = { ...onFargate };
    const refused: readonly Definition[] = [
      { ...awsvpc, ...withApp({ memory: 9999 }) },
      { ...awsvpc, ...withApp({ cpu: 4096 }) },
      { ...awsvpc, ...withApp({ portMappings: [{ containerPort: 80, hostPort: 8080 }] }) },
      { ...awsvpc, ...withApp({ links: ["other"] }, other) },
      { ...awsvpc, ...withApp({ privileged: true }) },
      { ...awsvpc, ...withApp({ stopTimeout: 600 }) },
      { ...awsvpc, ephemeralStorage: { sizeInGiB: 5 } },
      { containerDefinitions: [{ name: "app", image: "app" }] },
      withApp({ dependsOn: [{ containerName: "nobody", condition: "START" }] }),
      withApp({ dependsOn: [{ containerName: "app", condition: "START" }] }),
      withApp(
        { dependsOn: [{ containerName: "other", condition: "START" }] },
        { ...other, dependsOn: [{ containerName: "app", condition: "START" }] },
      ),
      withApp({ dependsOn: [{ containerName: "other", condition: "HEALTHY" }] }, other),
      withApp({ mountPoints: [{ sourceVolume: "none", containerPath: "/data" }] }),
      withApp({
        secrets: [
          { name: "TOKEN", valueFrom: "a" },
          { name: "TOKEN", valueFrom: "b" },
        ],
      }),
      withApp({ secrets: [{ name: "TOKEN", valueFrom: "" }] }),
      withApp({ logConfiguration: { logDriver: "awslogs", options: {} } }),
      withCheck({ command: ["true"] }),
      withCheck({ interval: 1 }),
      withCheck({ timeout: 61 }),
      withCheck({ retries: 50 }),
      withCheck({ startPeriod: 900 }),
      {
        tags: [
          { key: "a", value: "1" },
          { key: "a", value: "2" },
        ],
      },
    ];
    for (const definition of refused) {
      expect([definition, await registered(stage, definition)]).toEqual([
        definition,
        expect.stringMatching(/^ClientException/),
      ]);
    }
    const accepted: readonly Definition[] = [
      { ...awsvpc, ...withApp({ portMappings: [{ containerPort: 80, hostPort: 80 }], stopTimeout: 120 }) },
      { ...awsvpc, ephemeralStorage: { sizeInGiB: 21 } },
      withApp(
        {
          dependsOn: [{ containerName: "other", condition: "HEALTHY" }],
          mountPoints: [{ sourceVolume: "data", containerPath: "/data" }],
        },
        { ...other, healthCheck: { ...check, interval: 5, timeout: 60, retries: 10, startPeriod: 300 } },
      ),
    ].map((definition) => ({ ...definition, volumes: [{ name: "data" }] }));
    for (const definition of accepted) expect(await registered(stage, definition)).toBe("ok");
  });

  law("requestLimits", async () => {
    const stage = await openStage();
    const taskDefinition = await stage.register();
    await stage.create(taskDefinition);
    const run = { cluster: "main", taskDefinition, ...network };
    const subnets = Array.from({ length: 17 }, (_, index) => `subnet-${index}`);
    const refused = [
      stage.ecs.runTask({ ...run, launchType: "FARGATE", capacityProviderStrategy: [{ capacityProvider: "SPOT" }] }),
      stage.ecs.runTask({ ...run, networkConfiguration: { awsvpcConfiguration: { subnets } } }),
      stage.ecs.runTask({ ...run, startedBy: "x".repeat(129) }),
      stage.ecs.runTask({ ...run, startedBy: "a b!" }),
      stage.ecs.runTask({ ...run, clientToken: "x".repeat(65) }),
      stage.update({ desiredCount: -1 }),
      stage.ecs.describeServices({ cluster: "main", services: [] }),
      stage.ecs.describeTasks({ cluster: "main", tasks: [] }),
    ];
    for (const call of refused) expect(await ending(call)).toMatch(/^InvalidParameterException/);
    expect(await ending(stage.ecs.runTask({ ...run, startedBy: "release/1_a-b", clientToken: "x".repeat(64) }))).toBe(
      "ok",
    );
  });

  law("launchTypeFits", async () => {
    const stage = await openStage();
    await stage.create(await stage.register());
    const made: Definition = { requiresCompatibilities: ["EC2"], networkMode: "bridge" };
    await stage.ecs.registerTaskDefinition({ family: "machine", containerDefinitions: [app], ...made });
    const words = /does not support launch_type FARGATE/;
    expect(await ending(stage.update({ taskDefinition: "machine:1" }))).toMatch(words);
    const run = { cluster: "main", taskDefinition: "machine:1", ...network };
    expect(await ending(stage.ecs.runTask({ ...run, launchType: "FARGATE" }))).toMatch(words);
    expect(await ending(stage.ecs.runTask({ ...run, launchType: "EC2" }))).toBe("ok");
  });

  law("ownAccountOnly", async () => {
    const stage = await openStage();
    const taskDefinition = await stage.register();
    const { serviceArn = "", clusterArn = "" } = await stage.create(taskDefinition);
    const elsewhere = (arn: string): readonly string[] => [
      arn.replace(":123456789012:", ":999999999999:"),
      arn.replace(/:[a-z]+-[a-z]+-\d:/, ":us-gov-west-9:"),
    ];
    const seen = async (services: readonly string[]): Promise<number | undefined> =>
      (await stage.ecs.describeServices({ cluster: "main", services: [...services] })).services?.length;
    expect(await seen([serviceArn])).toBe(1);
    expect(await seen(elsewhere(serviceArn))).toBe(0);
    for (const cluster of elsewhere(clusterArn)) {
      expect(await ending(stage.ecs.listServices({ cluster }))).toMatch(/^ClusterNotFoundException/);
    }
    const { taskDefinition: described } = await stage.ecs.describeTaskDefinition({ taskDefinition });
    for (const arn of elsewhere(described?.taskDefinitionArn ?? "")) {
      expect(await ending(stage.ecs.describeTaskDefinition({ taskDefinition: arn }))).toMatch(/^ClientException/);
    }
    for (const service of elsewhere(serviceArn)) {
      expect(await ending(stage.ecs.updateService({ cluster: "main", service }))).toMatch(/^ServiceNotFound/);
    }
  });

  law("unplayedRefused", async () => {
    const stage = await openStage();
    await stage.create(await stage.register());
    const unplayed = [
      { alarms: { alarmNames: ["errors"], enable: true, rollback: true } },
      { bakeTimeInMinutes: 30 },
      { lifecycleHooks: [{ targetType: "PAUSE", lifecycleStages: ["POST_SCALE_UP"] }] },
      {
        strategy: "BLUE_GREEN",
        lifecycleHooks: [{ hookTargetArn: "arn:aws:lambda:eu-central-1:123456789012:function:hook" }],
      },
    ] as const;
    for (const deploymentConfiguration of unplayed) {
      const given = { ...deploymentConfiguration } as NonNullable<
        Parameters<typeof stage.update>[0]["deploymentConfiguration"]
      >;
      expect(await ending(stage.update({ deploymentConfiguration: given }))).toMatch(/local-aws does not play/);
    }
  });
});
