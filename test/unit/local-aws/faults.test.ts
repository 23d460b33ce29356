import type { FaultKind } from "../../local-aws/faults.ts";
import { clientOf, openStage, type Stage } from "./stage.ts";

const describeApp = (stage: Stage) => stage.ecs.describeServices({ cluster: "main", services: ["app"] });

describe("faults", () => {
  test.each<{ what: FaultKind; error: object }>([
    { what: { kind: "throttle" }, error: { name: "ThrottlingException", message: "Rate exceeded" } },
    {
      what: { kind: "access-denied" },
      error: {
        name: "AccessDeniedException",
        message: expect.stringContaining(
          "assumed-role/deployer/session is not authorized to perform: ecs:DescribeServices",
        ) as unknown,
      },
    },
    { what: { kind: "expired-token" }, error: { name: "ExpiredTokenException" } },
    { what: { kind: "server-error" }, error: { name: "ServerException", $metadata: { httpStatusCode: 500 } } },
    {
      what: { kind: "error", name: "ClientException", message: "no" },
      error: { name: "ClientException", message: "no" },
    },
    { what: { kind: "html" }, error: { name: "SyntaxError" } },
    { what: { kind: "reset" }, error: { code: "ECONNRESET" } },
  ])("reach the client as it meets them on AWS: $what.kind", async ({ what, error }) => {
    const stage = await openStage();
    const ecs = clientOf(stage.aws, "deployer", 1);
    stage.aws.faults.inject({ on: "ecs:DescribeServices", what });
    await expect(ecs.describeServices({ cluster: "main", services: ["app"] })).rejects.toMatchObject(error);
  });

  test("strike as often as told, and only the calls and the caller that are meant", async () => {
    const stage = await openStage();
    stage.aws.faults.inject({
      on: "ecs:DescribeServices",
      what: { kind: "expired-token" },
      times: 2,
      caller: "deployer",
    });
    const names: string[] = [];
    for (let times = 0; times < 3; times += 1) {
      names.push(
        await describeApp(stage).then(
          () => "ok",
          (error: unknown) => (error instanceof Error ? error.name : "?"),
        ),
      );
    }
    expect(names).toEqual(["ExpiredTokenException", "ExpiredTokenException", "ok"]);

    stage.aws.faults.inject({ on: "ecs:*", what: { kind: "access-denied" }, caller: "somebody else" });
    await describeApp(stage);
    const remove = stage.aws.faults.inject({ on: "*", what: { kind: "access-denied" } });
    await expect(describeApp(stage)).rejects.toMatchObject({ name: "AccessDeniedException" });
    remove();
    await describeApp(stage);
  });

  test("before the effect lose the request, after it lose the answer", async () => {
    const stage = await openStage();
    const revision = await stage.register();
    stage.aws.faults.inject({ on: "ecs:CreateService", what: { kind: "expired-token" }, times: 1 });
    await expect(stage.create(revision)).rejects.toMatchObject({ name: "ExpiredTokenException" });
    expect((await describeApp(stage)).services).toEqual([]);

    stage.aws.faults.inject({ on: "ecs:CreateService", what: { kind: "expired-token" }, times: 1, when: "after" });
    await expect(stage.create(revision)).rejects.toMatchObject({ name: "ExpiredTokenException" });
    expect((await describeApp(stage)).services).toHaveLength(1);
    const creations = stage.aws.calls.filter(({ operation }) => operation === "CreateService");
    expect(creations).toMatchObject([
      { outcome: "ExpiredTokenException", tookEffect: false, caller: "deployer" },
      { outcome: "ExpiredTokenException", tookEffect: true },
    ]);
  });

  test("are retried by the SDK where AWS means them to be", async () => {
    const stage = await openStage();
    stage.aws.faults.inject({ on: "ecs:DescribeServices", what: { kind: "throttle" }, times: 2 });
    await describeApp(stage);
    expect(stage.aws.calls.slice(-3).map(({ outcome }) => outcome)).toEqual([
      "ThrottlingException",
      "ThrottlingException",
      "ok",
    ]);
  });

  test("delay an answer by bed time", async () => {
    const stage = await openStage();
    stage.aws.faults.inject({ on: "ecs:DescribeServices", what: { kind: "latency", milliseconds: 30_000 }, times: 1 });
    const before = stage.clock.bed.now();
    await stage.clock.run(describeApp(stage));
    expect(stage.clock.bed.now() - before).toBe(30_000);
  });
});

describe("a stale read", () => {
  const stale = { kind: "stale" } as const;

  test("of a service shows it as it was before the last write", async () => {
    const stage = await openStage();
    await stage.create(await stage.register());
    await stage.untilSettled();
    const next = await stage.register();
    await stage.update({ taskDefinition: next });
    stage.aws.faults.inject({ on: "ecs:DescribeServices", what: stale, times: 1 });
    const before = await stage.service();
    expect(before.taskDefinition).toMatch(/app:1$/);
    expect(before.deployments).toMatchObject([{ rolloutState: "COMPLETED" }]);
    expect((await stage.service()).taskDefinition).toMatch(/app:2$/);
  });

  test("of what the last write made finds it missing", async () => {
    const stage = await openStage();
    const { currentServiceDeployment = "", currentServiceRevisions = [] } = await stage.create(await stage.register());
    const revision = currentServiceRevisions[0]?.arn ?? "";
    stage.aws.faults.inject({ on: "ecs:*", what: stale, times: 4 });
    expect(await describeApp(stage)).toMatchObject({ services: [], failures: [{ reason: "MISSING" }] });
    expect(
      await stage.ecs.describeServiceDeployments({ serviceDeploymentArns: [currentServiceDeployment] }),
    ).toMatchObject({ serviceDeployments: [], failures: [{ reason: "MISSING" }] });
    expect(await stage.ecs.describeServiceRevisions({ serviceRevisionArns: [revision] })).toMatchObject({
      serviceRevisions: [],
      failures: [{ reason: "MISSING" }],
    });
    const listed = await stage.ecs.listServiceDeployments({ cluster: "main", service: "app" });
    expect(listed.serviceDeployments).toEqual([]);
    expect((await describeApp(stage)).services).toHaveLength(1);
  });

  test("does not count on a write", async () => {
    const stage = await openStage();
    stage.aws.faults.inject({ on: "ecs:*", what: stale, times: 1 });
    await stage.create(await stage.register());
    expect((await describeApp(stage)).services).toEqual([]);
  });

  test("of a task finds it missing, though RunTask has answered it", async () => {
    const stage = await openStage();
    const { tasks } = await stage.ecs.runTask({
      cluster: "main",
      taskDefinition: await stage.register(),
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"] } },
    });
    const arns = [tasks?.[0]?.taskArn ?? ""];
    stage.aws.faults.inject({ on: "ecs:DescribeTasks", what: stale, times: 1 });
    expect((await stage.ecs.describeTasks({ cluster: "main", tasks: arns })).failures).toHaveLength(1);
    expect((await stage.ecs.describeTasks({ cluster: "main", tasks: arns })).tasks).toHaveLength(1);
  });
});
