import type { EcsSend } from "../../../src/aws/ecs.ts";
import type { LogsSend } from "../../../src/aws/logs.ts";
import { readLastLogLines } from "../../../src/deployments/stopped-tasks/log-tail.ts";
import { untrusted } from "../../../src/domain/evidence.ts";

const taskDefinitionArn = "arn:aws:ecs:eu-central-1:123456789012:task-definition/web:7";
const revision = { family: "web", revision: 7 };
const task = {
  id: "0123456789abcdef",
  isOver: true,
  at: 1_795_000_000_000,
  lived: 1000,
  code: "EssentialContainerExited",
  reason: untrusted("Essential container in task exited"),
  containers: [{ name: "app", exitCode: 1, reason: untrusted(""), unhealthy: false }],
};

test.each<[string, Readonly<Record<string, string>>, string | null]>([
  ["its own region", {}, null],
  ["the region that its definition names", { "awslogs-region": "us-east-1" }, "us-east-1"],
])("the last lines of a container are read in %s", async (_, more, region) => {
  const asked: unknown[] = [];
  const options = { "awslogs-group": "/dagster", "awslogs-stream-prefix": "web", ...more };
  const containerDefinitions = [{ name: "app", logConfiguration: { logDriver: "awslogs", options } }];
  const ecs = (async () => ({ taskDefinition: { taskDefinitionArn, containerDefinitions } })) as unknown as EcsSend;
  const logs = (async ({ input }: { readonly input: unknown }, settings: object) => {
    asked.push({ ...(input as object), ...settings });
    return { events: [{ message: "KeyError: 'DATABASE_URL'" }] };
  }) as unknown as LogsSend;
  const [line] = await readLastLogLines({ ecs, logs }, revision, task);
  expect(line?.text.untrusted).toContain("DATABASE_URL");
  expect(line?.page).toContain(`region=${region ?? "eu-central-1"}`);
  expect(asked).toEqual([
    expect.objectContaining({ logGroupName: "/dagster", logStreamName: "web/app/0123456789abcdef", region }),
  ]);
});
