import { addTargetGroup, behind } from "./load-balanced.ts";
import { openStage, type ServiceSettings } from "./stage.ts";

describe("CreateService", () => {
  test.each<{ what: string; settings: ServiceSettings; text: RegExp }>([
    {
      what: "no network",
      settings: { networkConfiguration: undefined },
      text: /Network Configuration must be provided/,
    },
    {
      what: "100 % at most and at least",
      settings: { deploymentConfiguration: { maximumPercent: 100, minimumHealthyPercent: 100 } },
      text: /block deployments/,
    },
    { what: "250 %", settings: { deploymentConfiguration: { maximumPercent: 250 } }, text: /maximumPercent/ },
    {
      what: "a load balancer before a container that is not there",
      settings: { loadBalancers: [{ targetGroupArn: "arn", containerName: "web", containerPort: 3000 }] },
      text: /container web does not exist/,
    },
    {
      what: "a load balancer before a port that is not there",
      settings: { loadBalancers: [{ targetGroupArn: "arn", containerName: "app", containerPort: 1 }] },
      text: /did not have a container port 1/,
    },
    {
      what: "a threshold out of range",
      settings: {
        deploymentConfiguration: {
          deploymentCircuitBreaker: {
            enable: true,
            rollback: true,
            thresholdConfiguration: { type: "BOUNDED_PERCENT", value: 101 },
          },
        },
      },
      text: /out of range/,
    },
  ])("refuses $what", async ({ settings, text }) => {
    const stage = await openStage();
    await expect(stage.create(await stage.register(), settings)).rejects.toMatchObject({
      name: "InvalidParameterException",
      message: expect.stringMatching(text) as unknown,
    });
  });

  test("refuses a name that is taken, and a definition or cluster that is not there", async () => {
    const stage = await openStage();
    const revision = await stage.register();
    await stage.create(revision);
    await expect(stage.create(revision)).rejects.toMatchObject({ message: "Creation of service was not idempotent." });
    await expect(stage.update({ taskDefinition: "app:9" })).rejects.toMatchObject({ name: "ClientException" });
    await expect(stage.update({ taskDefinition: "none" })).rejects.toMatchObject({
      message: "TaskDefinition not found.",
    });
    await expect(stage.ecs.listServices({ cluster: "other" })).rejects.toMatchObject({
      name: "ClusterNotFoundException",
    });
  });
});

describe("UpdateService", () => {
  test("keeps what it is not told", async () => {
    const stage = await openStage();
    const group = addTargetGroup(stage.aws);
    await stage.create(await stage.register(), {
      ...behind(group),
      desiredCount: 2,
      healthCheckGracePeriodSeconds: 77,
      deploymentConfiguration: { maximumPercent: 150, minimumHealthyPercent: 50 },
      tags: [{ key: "stack", value: "deal-flow" }],
    });
    await stage.update({ taskDefinition: await stage.register(), deploymentConfiguration: { maximumPercent: 200 } });
    expect(await stage.service()).toMatchObject({
      desiredCount: 2,
      healthCheckGracePeriodSeconds: 77,
      loadBalancers: [{ targetGroupArn: group }],
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups: ["sg-1"] } },
      deploymentConfiguration: { maximumPercent: 200, minimumHealthyPercent: 50 },
    });
    const { services } = await stage.ecs.describeServices({ cluster: "main", services: ["app"], include: ["TAGS"] });
    expect(services?.[0]?.tags).toEqual([{ key: "stack", value: "deal-flow" }]);
    expect(await stage.service()).not.toHaveProperty("tags");
  });

  test("answers with the deployment it has begun", async () => {
    const stage = await openStage();
    await stage.create(await stage.register());
    await stage.untilSettled();
    const { deployments, currentServiceDeployment } = await stage.update({ forceNewDeployment: true });
    expect(deployments).toMatchObject([
      { status: "PRIMARY", rolloutState: "IN_PROGRESS", runningCount: 0 },
      { status: "ACTIVE", rolloutState: "COMPLETED", runningCount: 1 },
    ]);
    expect((await stage.serviceDeployment()).serviceDeploymentArn).toBe(currentServiceDeployment);
  });

  test("over a deployment in progress replaces that one", async () => {
    const stage = await openStage();
    await stage.create(await stage.register());
    await stage.untilSettled();
    stage.runtime.script("app:2", { kind: "healthy", startsAfterSeconds: 1000 });
    await stage.update({ taskDefinition: await stage.register() });
    await stage.pass(60);
    await stage.update({ taskDefinition: await stage.register() });
    const { deployments } = await stage.service();
    expect(deployments?.map(({ status, rolloutState }) => `${status} ${rolloutState}`)).toEqual([
      "PRIMARY IN_PROGRESS",
      "ACTIVE IN_PROGRESS",
      "ACTIVE COMPLETED",
    ]);
    const done = await stage.untilSettled();
    expect(done.taskDefinition).toMatch(/app:3$/);
  });
});

describe("a service revision", () => {
  test("knows the digests that its tasks have pulled, by name of container", async () => {
    const stage = await openStage();
    const digest = `sha256:${"a".repeat(64)}`;
    stage.runtime.tag("registry/app:1", digest);
    const { currentServiceRevisions = [] } = await stage.create(await stage.register());
    const serviceRevisionArns = [currentServiceRevisions[0]?.arn ?? ""];
    const images = async () =>
      (await stage.ecs.describeServiceRevisions({ serviceRevisionArns })).serviceRevisions?.[0]?.containerImages;
    expect(await images()).toEqual([{ containerName: "app", image: "registry/app:1" }]);
    await stage.untilSettled();
    expect(await images()).toEqual([{ containerName: "app", image: "registry/app:1", imageDigest: digest }]);
  });

  test("that names a digest has that one", async () => {
    const stage = await openStage();
    const image = `registry/app@sha256:${"b".repeat(64)}`;
    const { currentServiceRevisions = [] } = await stage.create(await stage.register({ image }));
    await stage.untilSettled();
    const described = await stage.ecs.describeServiceRevisions({
      serviceRevisionArns: [currentServiceRevisions[0]?.arn ?? ""],
    });
    expect(described.serviceRevisions?.[0]?.containerImages?.[0]?.imageDigest).toBe(`sha256:${"b".repeat(64)}`);
  });
});

describe("DeleteService", () => {
  test("needs the count at 0 or force, drains, and leaves the name free", async () => {
    const stage = await openStage();
    const revision = await stage.register();
    await stage.create(revision);
    await stage.untilSettled();
    const named = { cluster: "main", service: "app" };
    await expect(stage.ecs.deleteService(named)).rejects.toMatchObject({ name: "InvalidParameterException" });
    expect((await stage.ecs.deleteService({ ...named, force: true })).service?.status).toBe("DRAINING");
    await expect(stage.create(revision)).rejects.toMatchObject({
      message: expect.stringContaining("still Draining") as unknown,
    });
    const gone = await stage.until(({ status }) => status === "INACTIVE");
    expect(gone).toMatchObject({ runningCount: 0, deployments: [] });
    expect((await stage.ecs.listServices({ cluster: "main" })).serviceArns).toEqual([]);
    await stage.create(revision);
    expect((await stage.service()).status).toBe("ACTIVE");
  });
});

describe("ListClusters", () => {
  test("names every cluster, page by page", async () => {
    const stage = await openStage();
    const before = (await stage.ecs.listClusters({})).clusterArns ?? [];
    await stage.ecs.createCluster({ clusterName: "second" });
    const first = await stage.ecs.listClusters({ maxResults: before.length });
    expect(first.clusterArns).toEqual(before);
    const rest = await stage.ecs.listClusters({ nextToken: first.nextToken });
    expect(rest.clusterArns?.map((arn) => arn.split("/")[1])).toEqual(["second"]);
    expect(rest.nextToken).toBeUndefined();
  });
});
