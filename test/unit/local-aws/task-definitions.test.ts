import type { RegisterTaskDefinitionCommandInput } from "@aws-sdk/client-ecs";
import { law } from "./law.ts";
import { openStage } from "./stage.ts";

const app = { name: "app", image: "registry/app:1", memory: 128 };

describe("task definitions", () => {
  law("revisionsNeverReused", async () => {
    const stage = await openStage();
    await stage.register();
    const second = await stage.register();
    await stage.ecs.deregisterTaskDefinition({ taskDefinition: second });
    expect(await stage.register()).toBe("app:3");
  });

  law("inactiveStaysInUse", async () => {
    const stage = await openStage();
    const revision = await stage.register();
    await stage.create(revision);
    await stage.untilSettled();
    await stage.ecs.deregisterTaskDefinition({ taskDefinition: revision });
    const { taskDefinition } = await stage.ecs.describeTaskDefinition({ taskDefinition: revision });
    expect(taskDefinition?.status).toBe("INACTIVE");

    const { taskArns = [] } = await stage.ecs.listTasks({ cluster: "main", serviceName: "app" });
    await stage.ecs.stopTask({ cluster: "main", task: taskArns[0] });
    await stage.until(({ runningCount }) => runningCount === 0);
    await stage.until(({ runningCount }) => runningCount === 1);

    const settings = { cluster: "main", networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"] } } };
    await expect(stage.ecs.runTask({ ...settings, taskDefinition: revision })).rejects.toMatchObject({
      name: "ClientException",
      message: "TaskDefinition is inactive",
    });
  });

  test("are listed by family, status and order, page by page", async () => {
    const stage = await openStage();
    for (let times = 0; times < 5; times += 1) await stage.register();
    await stage.ecs.registerTaskDefinition({ family: "app-2", containerDefinitions: [app] });
    await stage.ecs.deregisterTaskDefinition({ taskDefinition: "app:2" });
    const revisions = (arns: readonly string[] = []) => arns.map((arn) => arn.split("/").at(-1));

    const first = await stage.ecs.listTaskDefinitions({ familyPrefix: "app", sort: "DESC", maxResults: 3 });
    expect(revisions(first.taskDefinitionArns)).toEqual(["app:5", "app:4", "app:3"]);
    const next = await stage.ecs.listTaskDefinitions({
      familyPrefix: "app",
      sort: "DESC",
      maxResults: 3,
      nextToken: first.nextToken,
    });
    expect(revisions(next.taskDefinitionArns)).toEqual(["app:1"]);
    const inactive = await stage.ecs.listTaskDefinitions({ familyPrefix: "app", status: "INACTIVE" });
    expect(revisions(inactive.taskDefinitionArns)).toEqual(["app:2"]);
  });

  test("bring their tags when asked", async () => {
    const stage = await openStage();
    const tags = [{ key: "content", value: "abc" }];
    const { taskDefinition } = await stage.ecs.registerTaskDefinition({
      family: "tagged",
      containerDefinitions: [app],
      tags,
    });
    const resourceArn = taskDefinition?.taskDefinitionArn;
    expect(await stage.ecs.describeTaskDefinition({ taskDefinition: "tagged", include: ["TAGS"] })).toMatchObject({
      tags,
    });
    expect((await stage.ecs.describeTaskDefinition({ taskDefinition: "tagged" })).tags).toBeUndefined();
    await stage.ecs.tagResource({ resourceArn, tags: [{ key: "more", value: "1" }] });
    expect((await stage.ecs.listTagsForResource({ resourceArn })).tags).toHaveLength(2);
    await stage.ecs.untagResource({ resourceArn, tagKeys: ["content"] });
    expect((await stage.ecs.listTagsForResource({ resourceArn })).tags).toEqual([{ key: "more", value: "1" }]);
  });

  const fargate = { requiresCompatibilities: ["FARGATE" as const], networkMode: "awsvpc" as const };
  test.each<{ what: string; input: Partial<RegisterTaskDefinitionCommandInput>; text: RegExp }>([
    { what: "no containers", input: { containerDefinitions: [] }, text: /cannot be empty/ },
    {
      what: "no essential container",
      input: { containerDefinitions: [{ ...app, essential: false }] },
      text: /essential/,
    },
    { what: "two containers of one name", input: { containerDefinitions: [app, app] }, text: /unique/ },
    { what: "a container without image", input: { containerDefinitions: [{ name: "app" }] }, text: /image/ },
    { what: "an odd family", input: { family: "a b" }, text: /invalid characters/ },
    { what: "Fargate without cpu", input: { ...fargate, memory: "512" }, text: /'cpu' and 'memory'/ },
    {
      what: "Fargate with bridge networking",
      input: { ...fargate, networkMode: "bridge", cpu: "256", memory: "512" },
      text: /awsvpc/,
    },
    {
      what: "secrets without an execution role",
      input: {
        ...fargate,
        cpu: "256",
        memory: "512",
        containerDefinitions: [{ ...app, secrets: [{ name: "A", valueFrom: "/a" }] }],
      },
      text: /execution role/,
    },
    {
      what: "one name in environment and secrets",
      input: {
        containerDefinitions: [
          { ...app, environment: [{ name: "A", value: "1" }], secrets: [{ name: "A", valueFrom: "/a" }] },
        ],
      },
      text: /must be unique/,
    },
    {
      what: "more than 64 KB",
      input: { containerDefinitions: [{ ...app, command: ["x".repeat(65536)] }] },
      text: /65536/,
    },
  ])("with $what are refused", async ({ input, text }) => {
    const stage = await openStage();
    await expect(
      stage.ecs.registerTaskDefinition({ family: "app", containerDefinitions: [app], ...input }),
    ).rejects.toMatchObject({ name: "ClientException", message: expect.stringMatching(text) as unknown });
  });

  test("name only roles that exist, where any role is known", async () => {
    const stage = await openStage();
    const input = { family: "app", containerDefinitions: [app], taskRoleArn: "arn:aws:iam::123456789012:role/task" };
    await stage.ecs.registerTaskDefinition(input);
    stage.aws.neighbours.roles.set("other", { name: "other", arn: "", trustPolicy: "{}" });
    await expect(stage.ecs.registerTaskDefinition(input)).rejects.toMatchObject({ message: "Role is not valid" });
  });
});
