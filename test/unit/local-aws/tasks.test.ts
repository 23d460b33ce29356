import type { ECS, Task } from "@aws-sdk/client-ecs";
import { addTargetGroup, behind } from "./load-balanced.ts";
import { law } from "./law.ts";
import { existing, openStage, type Stage } from "./stage.ts";

type RunTask = Omit<Parameters<ECS["runTask"]>[0], "taskDefinition" | "cluster">;
const network = { awsvpcConfiguration: { subnets: ["subnet-1"] } };

async function run(stage: Stage, taskDefinition: string, settings: RunTask = {}) {
  return stage.ecs.runTask({ cluster: "main", taskDefinition, networkConfiguration: network, ...settings });
}

async function taskOf(stage: Stage, taskArn: string | undefined): Promise<Task> {
  const { tasks } = await stage.ecs.describeTasks({ cluster: "main", tasks: [existing(taskArn)], include: ["TAGS"] });
  return existing(tasks?.[0]);
}

async function untilStopped(
  stage: Stage,
  taskArn: string | undefined,
  note: (task: Task) => void = () => undefined,
): Promise<Task> {
  for (let second = 0; second < 600; second += 1) {
    const task = await taskOf(stage, taskArn);
    note(task);
    if (task.lastStatus === "STOPPED") return task;
    await stage.pass(1);
  }
  throw new Error("it does not stop");
}

describe("a task", () => {
  law("taskStates", async () => {
    const stage = await openStage();
    const group = addTargetGroup(stage.aws);
    stage.runtime.script("app", { kind: "healthy", stopsAfterSeconds: 5 });
    await stage.create(await stage.register(), behind(group));
    await stage.pass(2);
    const { taskArns = [] } = await stage.ecs.listTasks({ cluster: "main", serviceName: "app" });
    const seen: string[] = [];
    let version = 0;
    for (let second = 0; second < 300; second += 1) {
      const task = await taskOf(stage, taskArns[0]);
      if (task.lastStatus !== seen.at(-1)) seen.push(existing(task.lastStatus));
      expect(existing(task.version)).toBeGreaterThanOrEqual(version);
      version = existing(task.version);
      if (second === 100) await stage.update({ desiredCount: 0 });
      await stage.pass(1);
    }
    expect(seen.join(" ")).toBe("PROVISIONING PENDING ACTIVATING RUNNING DEACTIVATING STOPPING DEPROVISIONING STOPPED");
  });

  law("essentialContainer", async () => {
    const stage = await openStage();
    await stage.ecs.registerTaskDefinition({
      family: "pair",
      containerDefinitions: [
        { name: "main", image: "main", memory: 128, essential: true },
        { name: "side", image: "side", memory: 128, essential: false },
      ],
    });
    stage.runtime.script("pair", {
      containers: {
        main: { kind: "exits", code: 3, afterSeconds: 10, reason: "OutOfMemoryError: Container killed" },
        side: { kind: "healthy", stopExitCode: 143 },
      },
    });
    const { tasks } = await run(stage, "pair");
    const stopped = await untilStopped(stage, tasks?.[0]?.taskArn);
    expect(stopped.containers).toMatchObject([
      { name: "main", exitCode: 3, reason: "OutOfMemoryError: Container killed", lastStatus: "STOPPED" },
      { name: "side", exitCode: 143, lastStatus: "STOPPED" },
    ]);
  });

  test("outlives a container that is not essential", async () => {
    const stage = await openStage();
    await stage.ecs.registerTaskDefinition({
      family: "pair",
      containerDefinitions: [
        { name: "main", image: "main", memory: 128 },
        { name: "init", image: "init", memory: 128, essential: false },
      ],
    });
    stage.runtime.script("pair", {
      containers: { init: { kind: "exits", code: 0, afterSeconds: 1 }, main: { kind: "healthy" } },
    });
    const { tasks } = await run(stage, "pair");
    await stage.pass(120);
    const task = await taskOf(stage, tasks?.[0]?.taskArn);
    expect(task).toMatchObject({ lastStatus: "RUNNING", containers: [{}, { exitCode: 0 }] });
  });

  law("stopCodes", async () => {
    const stage = await openStage();
    const good = await stage.register();
    await stage.create(good);
    await stage.until(({ runningCount }) => runningCount === 1);
    const { taskArns = [] } = await stage.ecs.listTasks({ cluster: "main", serviceName: "app" });
    await stage.update({ desiredCount: 0 });
    expect(await untilStopped(stage, taskArns[0])).toMatchObject({
      stopCode: "ServiceSchedulerInitiated",
      stoppedReason: expect.stringMatching(/^Scaling activity initiated by \(deployment ecs-svc\/\d{19}\)$/) as unknown,
      startedBy: expect.stringMatching(/^ecs-svc\/\d{19}$/) as unknown,
      group: "service:app",
    });

    const byHand = (await run(stage, good, { startedBy: "me" })).tasks?.[0];
    await stage.pass(60);
    await stage.ecs.stopTask({ cluster: "main", task: byHand?.taskArn, reason: "enough" });
    expect(await untilStopped(stage, byHand?.taskArn)).toMatchObject({
      stopCode: "UserInitiated",
      stoppedReason: "enough",
      startedBy: "me",
      group: "family:app",
    });

    stage.runtime.script("app", { kind: "exits", code: 0, afterSeconds: 1 });
    const byItself = (await run(stage, good)).tasks?.[0];
    expect(await untilStopped(stage, byItself?.taskArn)).toMatchObject({
      stopCode: "EssentialContainerExited",
      stoppedReason: "Essential container in task exited",
    });
  });

  law("unstartedHasNoExitCode", async () => {
    const stage = await openStage();
    stage.runtime.forgetSecret("arn:aws:ssm:eu-central-1:123456789012:parameter/token");
    const revision = await stage.register({ secrets: ["arn:aws:ssm:eu-central-1:123456789012:parameter/token"] });
    const { tasks } = await run(stage, revision);
    const statuses = new Set<string | undefined>();
    const stopped = await untilStopped(stage, tasks?.[0]?.taskArn, ({ lastStatus }) => statuses.add(lastStatus));
    expect([...statuses]).toEqual(["PROVISIONING", "PENDING", "DEPROVISIONING", "STOPPED"]);
    expect(stopped).toMatchObject({
      stopCode: "TaskFailedToStart",
      stoppedReason: expect.stringMatching(/^ResourceInitializationError: unable to pull secrets/) as unknown,
      containers: [{ lastStatus: "STOPPED" }],
    });
    expect(stopped.containers?.[0]).not.toHaveProperty("exitCode");
    expect(stopped).not.toHaveProperty("startedAt");
    expect(stopped).not.toHaveProperty("executionStoppedAt");
  });

  test("that is stopped before its image is there never starts", async () => {
    const stage = await openStage();
    const { tasks } = await run(stage, await stage.register());
    await stage.ecs.stopTask({ cluster: "main", task: tasks?.[0]?.taskArn });
    const stopped = await untilStopped(stage, tasks?.[0]?.taskArn);
    expect(stopped).not.toHaveProperty("startedAt");
    expect(stage.runtime.lines).toEqual([]);
  });

  test("is killed when it does not end within its stop timeout", async () => {
    const stage = await openStage();
    stage.runtime.script("app", { kind: "healthy", stopsAfterSeconds: 1000 });
    const { tasks } = await run(stage, await stage.register());
    await stage.pass(60);
    await stage.ecs.stopTask({ cluster: "main", task: tasks?.[0]?.taskArn });
    const stopped = await untilStopped(stage, tasks?.[0]?.taskArn);
    expect(stopped.containers?.[0]?.exitCode).toBe(137);
  });

  test("that runs something real ends as that does, and is told of SIGTERM, and of SIGKILL after its stop timeout", async () => {
    const stage = await openStage();
    const signals: string[] = [];
    stage.runtime.script("app", {
      kind: "runs",
      program: ({ write, exited }) => {
        write("begun");
        return {
          signal: (signal) => {
            signals.push(signal);
            if (signal === "SIGKILL") exited(137);
          },
        };
      },
    });
    const { tasks } = await run(stage, await stage.register());
    await stage.pass(60);
    expect(await taskOf(stage, tasks?.[0]?.taskArn)).toMatchObject({ lastStatus: "RUNNING" });
    await stage.ecs.stopTask({ cluster: "main", task: tasks?.[0]?.taskArn });
    const stopped = await untilStopped(stage, tasks?.[0]?.taskArn);
    expect({ code: stopped.containers?.[0]?.exitCode, signals }).toEqual({
      code: 137,
      signals: ["SIGTERM", "SIGKILL"],
    });
    expect(stage.runtime.lines).toMatchObject([{ text: "begun" }]);
  });
});

describe("RunTask", () => {
  test("runs a command to its end, with its log lines", async () => {
    const stage = await openStage();
    stage.runtime.script("app", {
      kind: "exits",
      code: 0,
      afterSeconds: 8,
      log: [{ text: "upgrade a1" }, { afterSeconds: 7, text: "done" }],
    });
    const { tasks } = await run(stage, await stage.register(), {
      overrides: { containerOverrides: [{ name: "app", command: ["alembic", "upgrade", "head"] }] },
      tags: [{ key: "release", value: "1" }],
    });
    const task = await untilStopped(stage, tasks?.[0]?.taskArn);
    expect(task).toMatchObject({
      overrides: { containerOverrides: [{ name: "app", command: ["alembic", "upgrade", "head"] }] },
      tags: [{ key: "release", value: "1" }],
      containers: [{ exitCode: 0, imageDigest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as unknown }],
    });
    const id = existing(task.taskArn).split("/").at(-1);
    expect(stage.runtime.lines).toMatchObject([
      { group: "/app", stream: `run/app/${id ?? ""}`, text: "upgrade a1" },
      { group: "/app", text: "done" },
    ]);
  });

  law("clientToken", async () => {
    const stage = await openStage();
    const revision = await stage.register();
    const first = await run(stage, revision, { clientToken: "one" });
    const again = await run(stage, revision, { clientToken: "one" });
    const other = await run(stage, revision, { clientToken: "two" });
    expect(again.tasks?.[0]?.taskArn).toBe(first.tasks?.[0]?.taskArn);
    expect(other.tasks?.[0]?.taskArn).not.toBe(first.tasks?.[0]?.taskArn);
    await expect(run(stage, revision, { clientToken: "one", startedBy: "else" })).rejects.toMatchObject({
      name: "ConflictException",
    });
  });

  law("capacityFailures", async () => {
    const stage = await openStage();
    const reason = "Capacity is unavailable at this time. Please try again later or in a different availability zone";
    stage.aws.faults.inject({ on: "ecs:RunTask", what: { kind: "no-capacity", reason }, times: 1 });
    const revision = await stage.register();
    expect(await run(stage, revision)).toMatchObject({ tasks: [], failures: [{ reason }] });
    expect((await run(stage, revision)).tasks).toHaveLength(1);
  });

  test.each([
    {
      what: "no network for a task with its own address",
      settings: { networkConfiguration: undefined },
      text: /awsvpc/,
    },
    { what: "eleven tasks", settings: { count: 11 }, text: /between 1 and 10/ },
    {
      what: "an override for a container that is not there",
      settings: { overrides: { containerOverrides: [{ name: "web" }] } },
      text: /web is not a container/,
    },
    {
      what: "overrides of more than 8,192 characters",
      settings: { overrides: { containerOverrides: [{ name: "app", command: ["x".repeat(8192)] }] } },
      text: /at most 8192/,
    },
  ])("refuses $what", async ({ settings, text }) => {
    const stage = await openStage();
    await expect(run(stage, await stage.register(), settings)).rejects.toMatchObject({
      name: "InvalidParameterException",
      message: expect.stringMatching(text) as unknown,
    });
  });
});

describe("ListTasks and DescribeTasks", () => {
  test("go through pages, and tell running tasks from stopped ones", async () => {
    const stage = await openStage();
    const revision = await stage.register();
    for (let times = 0; times < 3; times += 1) await run(stage, revision, { count: 10, startedBy: "me" });
    await stage.create(revision, { desiredCount: 2 });
    await stage.pass(2);

    const first = await stage.ecs.listTasks({ cluster: "main", startedBy: "me", maxResults: 20 });
    const second = await stage.ecs.listTasks({
      cluster: "main",
      startedBy: "me",
      maxResults: 20,
      nextToken: first.nextToken,
    });
    expect([first.taskArns?.length, second.taskArns?.length, second.nextToken]).toEqual([20, 10, undefined]);
    expect((await stage.ecs.listTasks({ cluster: "main", serviceName: "app" })).taskArns).toHaveLength(2);
    expect((await stage.ecs.listTasks({ cluster: "main", family: "app" })).taskArns).toHaveLength(32);

    await stage.ecs.stopTask({ cluster: "main", task: first.taskArns?.[0] });
    const stopped = await stage.ecs.listTasks({ cluster: "main", desiredStatus: "STOPPED" });
    expect(stopped.taskArns).toEqual([first.taskArns?.[0]]);
  });

  test("name the tasks that are not there", async () => {
    const stage = await openStage();
    const { tasks, failures } = await stage.ecs.describeTasks({ cluster: "main", tasks: ["0123"] });
    expect(tasks).toEqual([]);
    expect(failures).toEqual([{ arn: "arn:aws:ecs:eu-central-1:123456789012:task/main/0123", reason: "MISSING" }]);
  });
});
